"""Supabase: every word of its own is judged, what it does not tell is not health, and no connection string is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from tasks.model import CannotLook, Refused, Verdict
from tasks.supabase.checks import (
    check_supabase_backups,
    check_supabase_disk,
    check_supabase_pooler,
    check_supabase_project,
    check_supabase_read_only,
    check_supabase_services,
    check_supabase_token,
)
from tasks.supabase.system import SERVICES, Supabase
from tests.tasks.platform.conftest import CANARY
from tests.tasks.web.conftest import Reply, Vendor, serving

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN
REF = "abcdefghijklmnopqrst"


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving() as one:
        yield one


@pytest.fixture
def supabase(vendor: Vendor) -> Supabase:
    return Supabase(url=vendor.url, token=SecretStr(CANARY), project=REF)


def says(vendor: Vendor, body: Any, status: int = 200) -> None:
    vendor.replies = [
        Reply(status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    ]


def ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("ACTIVE_HEALTHY", OK),
        ("RESIZING", WARN),
        ("RESTORING", WARN),
        ("ACTIVE_UNHEALTHY", BAD),
        ("INACTIVE", BAD),
        ("RESTORE_FAILED", BAD),
        ("UNKNOWN", UNKNOWN),
        ("A_WORD_OF_TOMORROW", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_it_judges_the_project(supabase: Supabase, vendor: Vendor, status: str | None, verdict: Verdict) -> None:
    says(vendor, {"ref": REF, "name": "shop", "status": status})
    assert check_supabase_project.fn(supabase).verdict is verdict


def test_it_asks_for_each_service_by_name(supabase: Supabase, vendor: Vendor) -> None:
    says(vendor, [{"name": name, "status": "ACTIVE_HEALTHY"} for name in SERVICES])
    told = check_supabase_services.fn(supabase)
    assert (told.verdict, told.says) == (OK, "6 services at Supabase are well.")
    asked = "&".join(f"services={name}" for name in SERVICES)
    assert vendor.asked[0].path == f"/v1/projects/{REF}/health?{asked}"
    assert vendor.asked[0].headers["Authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("changed", "verdict", "words"),
    [
        ({"pooler": "UNHEALTHY"}, BAD, "Supabase reports pooler: unhealthy (“timed out”)."),
        ({"rest": "COMING_UP"}, WARN, "rest: coming up"),
        ({"rest": "PONDERING"}, UNKNOWN, "rest: pondering"),
        ({"db": None}, UNKNOWN, "Nothing is told of db."),
    ],
)
def test_it_judges_services(
    supabase: Supabase, vendor: Vendor, changed: dict[str, str | None], verdict: Verdict, words: str
) -> None:
    told = dict.fromkeys(SERVICES, "ACTIVE_HEALTHY") | changed
    says(
        vendor,
        [
            {"name": name, "status": status, **({"error": "timed out"} if status == "UNHEALTHY" else {})}
            for name, status in told.items()
            if status
        ],
    )
    found = check_supabase_services.fn(supabase)
    assert found.verdict is verdict
    assert words in found.says


@pytest.mark.parametrize(
    ("backups", "pitr", "latest_h", "verdict", "words"),
    [
        ([("COMPLETED", 25.9)], False, None, OK, "is 26 hours old (bad from 2 days)"),
        ([("COMPLETED", 26.1)], False, None, WARN, "is 26 hours old"),
        ([("COMPLETED", 50.1)], False, None, BAD, "is 2 days old"),
        # What failed is no backup, and is told although the one before is young enough.
        ([("FAILED", 1), ("COMPLETED", 25)], False, None, WARN, "Its last backup failed."),
        (
            [("FAILED", 1), ("FAILED", 25)],
            False,
            None,
            BAD,
            "nothing to take this database back to: its last backup is",
        ),
        ([("PENDING", 1)], False, None, BAD, "its last backup is pending"),
        ([], False, None, BAD, "it has made no backup"),
        # Any moment up to two minutes ago: then an old dump does not matter.
        ([("COMPLETED", 80)], True, 0.04, OK, "to any moment since"),
        # Left over from when it was on.
        ([("COMPLETED", 80)], False, 0.04, BAD, "is 3 days old"),
    ],
)
def test_it_judges_what_there_is_to_return_to(
    supabase: Supabase,
    vendor: Vendor,
    backups: list[tuple[str, float]],
    pitr: bool,
    latest_h: float | None,
    verdict: Verdict,
    words: str,
) -> None:
    now = int(datetime.now(UTC).timestamp())
    span = {
        "earliest_physical_backup_date_unix": now - 7 * 86400,
        "latest_physical_backup_date_unix": now - int(latest_h * 3600),
    } if latest_h is not None else {}  # fmt: skip
    made = [
        {"id": n, "is_physical_backup": False, "status": s, "inserted_at": ago(h)} for n, (s, h) in enumerate(backups)
    ]
    says(vendor, {"pitr_enabled": pitr, "walg_enabled": True, "backups": made, "physical_backup_data": span})
    found = check_supabase_backups.fn(supabase)
    assert found.verdict is verdict
    assert words in found.says


def test_a_moment_without_a_zone_is_utc(supabase: Supabase, vendor: Vendor) -> None:
    at = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    says(vendor, {"pitr_enabled": False, "backups": [{"status": "COMPLETED", "inserted_at": at}]})
    assert check_supabase_backups.fn(supabase).value == pytest.approx(3 * 3600, abs=10)


@pytest.mark.parametrize(("used", "verdict"), [(79, OK), (80, WARN), (89, WARN), (90, BAD)])
def test_it_judges_the_disk(supabase: Supabase, vendor: Vendor, used: int, verdict: Verdict) -> None:
    metrics = {"fs_size_bytes": 100e9, "fs_avail_bytes": (100 - used) * 1e9, "fs_used_bytes": used * 1e9}
    says(vendor, {"timestamp": "2026-11-29T12:00:00Z", "metrics": metrics})
    assert check_supabase_disk.fn(supabase).verdict is verdict


@pytest.mark.parametrize(("enabled", "lifted", "verdict"), [(False, False, OK), (True, False, BAD), (True, True, WARN)])
def test_it_tells_read_only(supabase: Supabase, vendor: Vendor, enabled: bool, lifted: bool, verdict: Verdict) -> None:
    says(vendor, {"enabled": enabled, "override_enabled": lifted, "override_active_until": ""})
    assert check_supabase_read_only.fn(supabase).verdict is verdict


def test_it_reads_no_connection_string(supabase: Supabase, vendor: Vendor) -> None:
    pool = {
        "database_type": "PRIMARY", "pool_mode": "transaction", "default_pool_size": 15, "max_client_conn": 200,
        "connection_string": "postgresql://postgres:canary-password@db.example.com:6543/postgres",
    }  # fmt: skip
    says(vendor, [pool, {**pool, "database_type": "READ_REPLICA", "default_pool_size": None}])
    found = check_supabase_pooler.fn(supabase)
    assert found.says == (
        "2 poolers at Supabase: PRIMARY in transaction mode, 15 connections to the database; "
        "READ_REPLICA in transaction mode, its default of connections to the database."
    )
    assert "canary" not in str(found)
    says(vendor, [])
    assert check_supabase_pooler.fn(supabase).verdict is WARN


@pytest.mark.parametrize(
    ("status", "body", "said", "refused"),
    [
        (401, {"message": "Unauthorized"}, "refuses us", True),
        (403, {"message": f"Forbidden action {CANARY}"}, "refuses us", True),
        (404, {"message": "Project not found"}, "no such project", True),
        (429, {"message": "Rate limit exceeded"}, "asked too often", False),
        (500, {"message": "Failed"}, "in trouble itself", False),
    ],
)
def test_it_says_what_supabase_says(
    supabase: Supabase, vendor: Vendor, status: int, body: Any, said: str, refused: bool
) -> None:
    says(vendor, body, status)
    for ask in (check_supabase_project, check_supabase_services, check_supabase_backups, check_supabase_disk):
        with pytest.raises(CannotLook, match=said) as raised:
            ask.fn(supabase)
        assert isinstance(raised.value, Refused) is refused
    told = check_supabase_token.fn(supabase)
    assert told.verdict is (BAD if refused else UNKNOWN)
    assert CANARY not in str(told)


@pytest.mark.parametrize("body", [[], "<html>", None, 7, {"metrics": []}])
def test_it_takes_nothing_for_health(supabase: Supabase, vendor: Vendor, body: Any) -> None:
    says(vendor, body)
    assert check_supabase_project.fn(supabase).verdict is UNKNOWN
    for ask in (check_supabase_disk, check_supabase_read_only, check_supabase_backups):
        with pytest.raises(Refused, match="not as its documents say"):
            ask.fn(supabase)


def test_a_project_is_its_reference() -> None:
    with pytest.raises(ValidationError, match="project"):
        Supabase(token=SecretStr("t"), project="https://abcdefghijklmnopqrst.supabase.co")
