"""How the application's storage is: against a real S3 server that checks its keys, moto, and the lab's stand-in."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.lab import store as lab_store
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Refused, Verdict
from tasks.storage import system
from tasks.storage.checks import (
    SKEW,
    TOOK,
    TRIP_TOOK,
    UNFINISHED,
    check_storage_answers,
    check_storage_clock,
    check_storage_cors,
    check_storage_lifecycle,
    check_storage_round_trip,
    check_storage_uploads,
)
from tasks.storage.probe import BYTES, FOLDER, round_trip
from tasks.storage.system import Storage
from tasks.storage.told import Standing, standing_of
from tests.tasks.storage.conftest import FIRST, Lab, Opened

PROBE = f"{FOLDER}{'a' * 32}"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"key": "LABKEY:canary"}, "it knows the key's ID, and the secret is another (SignatureDoesNotMatch)"),
        ({"key": "NOBODYSKEY:LABSECRET"}, "it does not know the key's ID (InvalidAccessKeyId)"),
        ({"url": "s3://no-such-bucket"}, "there is no such bucket (NoSuchBucket)"),
    ],
)
def test_it_tells_apart_what_a_real_server_refuses(opened: Opened, changed: dict[str, str], says: str) -> None:
    found = check_storage_answers.fn(opened(**changed))
    assert found.verdict is Verdict.BAD
    assert says in found.says
    assert found.remedy
    for secret in ("LABSECRET", "canary"):
        assert secret not in f"{found.facts}{found.rows}{found.remedy}{found.says.replace(says, '')}"


def test_it_answers(opened: Opened) -> None:
    found = check_storage_answers.fn(opened())
    assert found.verdict is Verdict.OK
    assert found.says.startswith("s3://uploads/app answers to the key ")


def test_it_is_bad_where_nothing_answers(opened: Opened) -> None:
    found = check_storage_answers.fn(opened(endpoint_url="http://127.0.0.1:1"))
    assert found.verdict is Verdict.BAD
    assert found.facts["standing"] == "SILENT"


@pytest.mark.parametrize(
    ("code", "status", "standing"),
    [
        ("Unauthorized", 401, Standing.UNKNOWN_KEY),
        ("AccessDenied", 403, Standing.NOT_ALLOWED),
        ("SlowDown", 503, Standing.BUSY),
        ("InternalError", 500, Standing.ILL),
        ("PermanentRedirect", 301, Standing.ELSEWHERE),
        ("ExpiredToken", 400, Standing.EXPIRED),
        ("Whatever", 403, Standing.NOT_ALLOWED),
        ("Whatever", 400, Standing.ODD),
    ],
)
def test_it_knows_the_codes(code: str, status: int, standing: Standing) -> None:
    assert standing_of(code, status) is standing


@pytest.mark.parametrize("key", ["", ":", "only-an-id", "ID:", ":secret"])
def test_it_does_not_ask_with_half_a_key(key: str, lab: Lab) -> None:
    """4-29: a probe with an empty key reports an outage that is none."""
    with pytest.raises(ValueError, match="a key is one line ID:SECRET"):
        Storage(url="s3://uploads", key=key)  # type: ignore[arg-type]
    lab.key_file.write_text(f"{key}\n")
    with pytest.raises(Refused, match="key file"):
        check_storage_answers.fn(lab.storage())


def test_it_takes_no_empty_bucket_for_all_buckets() -> None:
    with pytest.raises(ValueError, match="pattern"):
        Storage(url="s3://", key="ID:SECRET")  # type: ignore[arg-type]


def test_its_key_may_stand_in_two_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_KEY_ID", "an-id")
    monkeypatch.setenv("STORAGE_KEY_SECRET", "canary-secret")
    with pytest.raises(Refused) as refused:
        check_storage_answers.ask(Environment(name="production", kind=Kind.PRODUCTION))
    lines = refused.value.remedy.partition("\n\n")[2]
    file = tmp_path / "environments.toml"
    file.write_text(f'[environments.production]\nkind = "production"\n{lines}\n', encoding="utf-8")
    found = Config.load(file).environment("production").systems["storage"]
    assert isinstance(found, Storage)
    assert found.key_now().get_secret_value() == "an-id:canary-secret"
    assert "canary" not in repr(found)


def test_it_leaves_nothing_behind(opened: Opened, uploads: Path) -> None:
    found = check_storage_round_trip.fn(opened())
    assert found.verdict is Verdict.OK
    assert [file for file in uploads.rglob("*") if file.is_file()] == []


def test_it_writes_only_where_it_may(opened: Opened, uploads: Path) -> None:
    found = check_storage_round_trip.fn(opened(round_trip=False))
    assert found.verdict is Verdict.UNKNOWN
    assert list(uploads.iterdir()) == []


def lay(file: Path, content: bytes, minutes: float) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    at = file.stat().st_mtime - 60 * minutes
    os.utime(file, (at, at))
    return file


def test_it_removes_what_one_that_died_has_left_and_nothing_else(opened: Opened, uploads: Path) -> None:
    left = lay(uploads / "app" / PROBE, bytes(BYTES), minutes=11)
    stay = [
        lay(uploads / "app" / f"{FOLDER}{'b' * 32}", bytes(BYTES), minutes=1),
        lay(uploads / "app" / f"{FOLDER}{'c' * 32}", bytes(BYTES + 1), minutes=60),
        lay(uploads / "app" / f"{FOLDER}notes.txt", bytes(BYTES), minutes=60),
        lay(uploads / "app" / ("d" * 32), bytes(BYTES), minutes=60),
        lay(uploads / "other" / PROBE, bytes(BYTES), minutes=60),
    ]
    found = check_storage_round_trip.fn(opened())
    assert found.facts["removed"] == 1
    assert not left.exists()
    assert all(file.exists() for file in stay)


def test_it_is_removed_by_the_next_where_one_was_killed_half_way(
    opened: Opened, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = opened().opened()
    with monkeypatch.context() as killed:
        killed.setattr(bucket.client, "delete_object", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            round_trip(bucket)
    (left,) = [file for file in uploads.rglob("*") if file.is_file()]
    lay(left, left.read_bytes(), minutes=11)
    assert round_trip(opened().opened()).removed == 1
    assert not left.exists()


def test_it_removes_exactly_its_own_version(moto: tuple[Storage, Any]) -> None:
    storage, client = moto
    client.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
    assert check_storage_round_trip.fn(storage).verdict is Verdict.OK
    told = client.list_object_versions(Bucket="uploads")
    assert "Versions" not in told
    assert "DeleteMarkers" not in told


@pytest.mark.parametrize("verb", ["put_object", "get_object", "delete_object"])
def test_it_names_what_the_key_may_not_do(
    opened: Opened, uploads: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    def refused(**_: object) -> None:
        error: Any = {
            "Error": {"Code": "AccessDenied"},
            "ResponseMetadata": {"HTTPStatusCode": 403, "HTTPHeaders": {}},
        }
        raise ClientError(error, verb)

    storage = opened()
    bucket = storage.opened()
    monkeypatch.setattr(bucket.client, verb, refused)
    monkeypatch.setattr(Storage, "opened", lambda _: bucket)
    found = check_storage_round_trip.fn(storage)
    assert found.verdict is Verdict.BAD
    word = {"put_object": "written", "get_object": "read back", "delete_object": "removed"}[verb]
    assert f"could not be {word}: it knows the key, which may not do this (AccessDenied)." in found.says
    # What cannot be removed stays; what cannot be read does not.
    assert sum(file.is_file() for file in uploads.rglob("*")) == (verb == "delete_object")


def test_it_says_that_a_clock_is_off_and_no_key_wrong(lab: Lab) -> None:
    (lab.folder / lab_store.TROUBLE).write_text(json.dumps({"skewed": True}))
    found = check_storage_answers.fn(lab.storage())
    assert found.verdict is Verdict.BAD
    assert "our clock is too far off, so it takes no signature for valid (RequestTimeTooSkewed)" in found.says
    assert "No key is wrong." in found.remedy
    assert check_storage_clock.fn(lab.storage()).verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("off_s", "verdict"),
    [(0, Verdict.OK), (50, Verdict.OK), (70, Verdict.WARN), (-70, Verdict.WARN), (310, Verdict.BAD)],
)
def test_it_sees_a_clock_that_is_off_before_it_is_refused(
    opened: Opened, off_s: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=off_s)

    monkeypatch.setattr(system, "datetime", Clock)
    found = check_storage_clock.fn(opened())
    assert found.verdict is verdict
    assert ("ahead" in found.says) == (off_s >= 50)


@pytest.fixture
def begun(moto: tuple[Storage, Any]) -> tuple[Storage, str]:
    """An upload of two parts that nobody finishes."""
    storage, client = moto
    number = client.create_multipart_upload(Bucket="uploads", Key="app/film.mp4")["UploadId"]
    for part in (1, 2):
        client.upload_part(Bucket="uploads", Key="app/film.mp4", UploadId=number, PartNumber=part, Body=bytes(2**20))
    return storage, number


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(1.9, Verdict.OK), (2, Verdict.WARN), (6.9, Verdict.WARN), (7, Verdict.BAD)],
)
def test_it_finds_uploads_that_nobody_finishes(
    begun: tuple[Storage, str], days: float, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.storage import uploads as counted

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=days)

    # moto dates every upload alike, in 2010.
    monkeypatch.setattr(counted, "datetime", Later)
    storage, _ = begun
    bucket = storage.opened()
    told = bucket.client.list_multipart_uploads

    def now(**given: Any) -> Any:
        answer = told(**given)
        for one in answer["Uploads"]:
            one["Initiated"] = datetime.now(UTC)
        return answer

    monkeypatch.setattr(bucket.client, "list_multipart_uploads", now)
    monkeypatch.setattr(Storage, "opened", lambda _: bucket)
    found = check_storage_uploads.fn(storage)
    assert found.verdict is verdict
    assert (found.facts["bytes"] == 2 * 2**20) == (verdict is not Verdict.OK)


def test_it_asks_for_a_rule_that_ends_uploads(moto: tuple[Storage, Any]) -> None:
    storage, client = moto
    assert check_storage_lifecycle.fn(storage).verdict is Verdict.WARN
    rule = {
        "ID": "ends",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    client.put_bucket_lifecycle_configuration(Bucket="uploads", LifecycleConfiguration={"Rules": [rule]})
    assert check_storage_lifecycle.fn(storage).verdict is Verdict.OK
    client.put_bucket_lifecycle_configuration(
        Bucket="uploads", LifecycleConfiguration={"Rules": [{**rule, "Status": "Disabled"}]}
    )
    assert check_storage_lifecycle.fn(storage).verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("allowed", "origin", "verdict"),
    [
        ([], "https://app.example.com", Verdict.BAD),
        (["https://app.example.com"], "https://app.example.com", Verdict.OK),
        (["https://*.example.com"], "https://app.example.com", Verdict.OK),
        (["https://app.example.com/"], "https://app.example.com", Verdict.BAD),
        (["http://app.example.com"], "https://app.example.com", Verdict.BAD),
        (["*"], "https://app.example.com", Verdict.WARN),
    ],
)
def test_it_knows_what_browsers_are_refused(
    moto: tuple[Storage, Any], allowed: list[str], origin: str, verdict: Verdict
) -> None:
    storage, client = moto
    storage = storage.model_copy(update={"origins": (origin,)})
    if allowed:
        rules: Any = {"CORSRules": [{"AllowedOrigins": allowed, "AllowedMethods": ["GET", "PUT"]}]}
        client.put_bucket_cors(Bucket="uploads", CORSConfiguration=rules)
    assert check_storage_cors.fn(storage).verdict is verdict


def test_it_expects_no_browser_that_nobody_named(opened: Opened) -> None:
    assert check_storage_cors.fn(opened()).verdict is Verdict.OK


def test_the_limits_have_a_reason() -> None:
    for limit in (TOOK, TRIP_TOOK, SKEW, UNFINISHED):
        assert limit.because


def test_the_stand_in_refuses_as_the_real_server_does(opened: Opened, lab: Lab) -> None:
    """The lab's store and rclone, asked alike."""
    for changed in (
        {"key": "LABKEY:canary"},
        {"key": "NOBODYSKEY:LABSECRET"},
        {"url": "s3://no-such-bucket"},
    ):
        real = check_storage_answers.fn(opened(**changed))
        key = changed.get("key", FIRST).replace("LABKEY", "LAB0")
        ours = check_storage_answers.fn(lab.storage(key=key, key_file=None, spare_key=None, **{
            name: value for name, value in changed.items() if name != "key"
        }))  # fmt: skip
        assert (real.facts["standing"], real.facts["status"]) == (ours.facts["standing"], ours.facts["status"])


def test_it_cannot_look_at_uploads_with_a_refused_key(opened: Opened) -> None:
    with pytest.raises(CannotLook, match="SignatureDoesNotMatch"):
        check_storage_uploads.fn(opened(key="LABKEY:canary"))
