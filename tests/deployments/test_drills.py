"""Every drill of the catalog, lived through in the lab by the real server, worker and gate. New ones are among them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import BaseModel, SecretStr

from deployments import private_file
from deployments.cluster import SUPERUSER
from deployments.lab import Lab
from deployments.stack import Stack
from flows.journal import Entry, Journal, Redactor
from runbooks.catalog import Catalog
from tasks.config import Config
from tests.deployments.terminal import Shell

REHEARSED = {entry.slug: entry.runbook.drills for entry in Catalog.load() if entry.runbook.drills}
CONNECTIONS = "database/connections-exhausted"
# What needs a connection of its own, and gets none while the server is stopped.
ASKING = (
    "check_connection_slots",
    "check_role_connection_limits",
    "check_database_connection_limits",
    "check_idle_in_transaction",
    "check_blocked_sessions",
)
# What `incident drill SLUG --json` told of each drill.
Rehearse = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def shell(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An empty folder, with the session's stack and lab as its home, and everything published."""
    opened = Shell(stack.home.root, tmp_path_factory.mktemp("shell"))
    assert opened("publish").returncode == 0
    return opened


@pytest.fixture(scope="module")
def rehearse(shell: Shell, lab: Lab) -> Rehearse:
    """Rehearse all drills of one runbook, the first time it is asked for."""

    @cache
    def once(slug: str) -> list[dict[str, Any]]:
        # What earlier tests kept waiting for locks counts as slow for an hour, and is not this drill's fault.
        with psycopg.connect(lab.url(SUPERUSER), autocommit=True) as session:
            session.execute("SELECT pg_stat_statements_reset()")
        said = shell("drill", slug, "--json")
        results: list[dict[str, Any]] = json.loads(said.stdout or "[]")
        told = [shell("timeline", one["incident"]).stdout for one in results if not one["passed"]]
        assert said.returncode == 0, "\n".join([said.stdout, said.stderr, *told])
        return results

    return once


@pytest.mark.strict("Every drill of the catalog takes minutes; the first one shows that the way is free.", keeps=1)
@pytest.mark.parametrize("slug", REHEARSED)
def test_it_rehearses_and_reports_nothing_but_json(rehearse: Rehearse, slug: str) -> None:
    assert [(one["fault"], one["noticed_by"], one["passed"]) for one in rehearse(slug)] == [
        (drill.fault.title, drill.noticed_by.name, True) for drill in REHEARSED[slug]
    ]


@pytest.mark.strict("Asks what became of a drill that only CI rehearses.")
def test_it_finds_the_password_that_was_changed_and_keeps_the_new_one_secret(rehearse: Rehearse, stack: Stack) -> None:
    entries = record(stack, rehearse(CONNECTIONS)[1])
    assert entries["diagnosis/check_can_connect"].body["facts"] == {"reasons": ["password"]}
    written = str([entry.body for entry in entries.values()])
    for secret in private_file.read_json(stack.home.lab.state)["passwords"].values():
        assert secret not in written
    assert "SCRAM-SHA-256" not in written


@pytest.mark.strict("Asks what became of a drill that only CI rehearses.")
def test_it_diagnoses_and_plans_without_a_server(rehearse: Rehearse, stack: Stack) -> None:
    entries = record(stack, rehearse(CONNECTIONS)[2])
    assert entries["diagnosis/check_can_connect"].body["facts"] == {"reasons": ["nothing listens"]}
    assert {entries[f"diagnosis/{name}"].body["verdict"] for name in ASKING} == {"UNKNOWN"}


@pytest.mark.strict("Asks what became of drills that only CI rehearses.")
@pytest.mark.parametrize("slug", REHEARSED)
def test_it_keeps_every_secret_of_the_lab_out_of_the_record(rehearse: Rehearse, stack: Stack, slug: str) -> None:
    entries = [record(stack, drill) for drill in rehearse(slug)]
    # Guards the search: what was done is in there.
    assert all(any(key.startswith("diagnosis/") for key in one) for one in entries)
    written = str([entry.body for one in entries for entry in one.values()])
    assert [name for name, secret in secrets_of(stack) if secret in written] == []
    assert "account.unipile.example" not in written, "a link to somebody's account is as good as its key"


def secrets_of(stack: Stack) -> list[tuple[str, str]]:
    """Every secret of the lab, by where it stands: those of its environment, of its key files, and its passwords."""
    environment = Config.load(Path("/nonexistent.toml"), stack.home.lab_environment).environment("lab")
    found = [each for kind, system in environment.systems.items() for each in held(kind, system)]
    found += [
        (f"password of {role}", word)
        for role, word in private_file.read_json(stack.home.lab.state)["passwords"].items()
    ]
    assert len(found) > 40
    assert min(len(secret) for _, secret in found) >= 8
    return found


def held(where: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        yield where, urlsplit(secret).password or secret
    elif isinstance(value, Path) and where.endswith(("key_file", "secret_file", "password_file")):
        yield where, value.read_text(encoding="utf-8").strip()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from held(f"{where}.{name}", getattr(value, name))
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from held(f"{where}.{name}", one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from held(where, one)


def record(stack: Stack, drill: dict[str, Any]) -> dict[str, Entry]:
    entries = Journal(SecretStr(stack.journal_url), Redactor([])).read(drill["incident"])
    return {entry.key: entry for entry in entries}
