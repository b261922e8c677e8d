"""What the record of two drills of database/connections-exhausted must say; test_drills.py rehearses them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments import private_file
from deployments.publish import publish
from deployments.stack import Stack
from flows import settings
from flows.journal import Entry, Journal
from runbooks.catalog import Catalog
from tasks.environment import Config

SLUG = "database/connections-exhausted"
# What needs a connection of its own, and gets none while the server is stopped.
ASKING = (
    "check_connection_slots",
    "check_role_connection_limits",
    "check_database_connection_limits",
    "check_idle_in_transaction",
    "check_blocked_sessions",
)
Entries = Mapping[str, Entry]


@pytest.fixture(scope="module")
def published(stack: Stack) -> Iterator[Stack]:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: stack.prefect_api_url}):
        publish(Catalog.load(), lab_only(stack))
        yield stack


def lab_only(stack: Stack) -> Config:
    return Config.load(Path("/nonexistent.toml"), stack.home.lab_environment)


def rehearsed(stack: Stack, number: int) -> Entries:
    """One drill of the runbook, passed; its incident's entries by key."""
    from flows.drill import drill_approver, rehearse, rehearsed_step

    catalogued = Catalog.load().get(SLUG)
    drill = catalogued.runbook.drills[number]
    place = lab_only(stack).environment("lab")
    journal = Journal(SecretStr(stack.journal_url), settings.redactor(place))
    approver = drill_approver(place, rehearsed_step(catalogued, drill))
    result = rehearse(catalogued, drill, place, journal, approver, lambda _entry: None)
    entries = {entry.key: entry for entry in journal.read(result.incident)}
    assert result.passed, (result, [str(entry.body)[:300] for entry in entries.values()])
    refuse_secrets(stack, entries)
    return entries


def refuse_secrets(stack: Stack, entries: Entries) -> None:
    written = str([entry.body for entry in entries.values()])
    for secret in private_file.read_json(stack.home.lab.state)["passwords"].values():
        assert secret not in written
    assert "SCRAM-SHA-256" not in written


def test_it_gives_the_application_its_password_again(published: Stack) -> None:
    entries = rehearsed(published, 1)
    assert entries["diagnosis/check_can_connect"].body["facts"] == {"reasons": ["password"]}


def test_it_diagnoses_and_plans_without_a_server(published: Stack) -> None:
    entries = rehearsed(published, 2)
    assert entries["diagnosis/check_can_connect"].body["facts"] == {"reasons": ["nothing listens"]}
    assert {entries[f"diagnosis/{name}"].body["verdict"] for name in ASKING} == {"UNKNOWN"}
