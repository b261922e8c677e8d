"""The one door by which an incident is opened: once, whoever asks, and at a cost that the past does not raise."""

from __future__ import annotations

import threading
from dataclasses import replace

import psycopg
import pytest
from alembic import command

from flows.journal import Asked, Journal
from flows.journal.migrate import migrate
from flows.journal.openings import LONGEST_WAIT_S
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw

WATCHED = Asked(runbook="database/blocked-sessions", environment="production", actor="watch", reason="BAD: one waits.")
ALERTED = replace(WATCHED, actor="sentry", problem="sentry:issue:1")


def live(journal: Journal, opening: int, run: str, attempt: int = 1) -> None:
    """A run has begun to live through it."""
    journal.openings.dispatched(opening, attempt, run)
    with journal.hold(run) as log:
        log.append("watch", "opened", Raw("opened", {"runbook": WATCHED.runbook, "environment": WATCHED.environment}))


def close(journal: Journal, run: str) -> None:
    with journal.hold(run) as log:
        log.append("engine", "closed", Raw("closed", {"verdict": "fixed", "says": "Fixed."}))


def test_it_is_opened_once_until_it_is_closed(journal: Journal) -> None:
    first = journal.openings.ask(WATCHED)
    assert first.new
    again = journal.openings.ask(WATCHED)
    assert (again.new, again.opening, again.run) == (False, first.opening, "")
    live(journal, first.opening, "run-1")
    assert journal.openings.ask(WATCHED).run == "run-1"
    close(journal, "run-1")
    assert journal.openings.ask(WATCHED).new


def test_it_is_opened_once_by_all_who_ask_at_the_same_moment(journal: Journal) -> None:
    ready, opened = threading.Barrier(8), []

    def ask() -> None:
        ready.wait()
        opened.append(journal.openings.ask(WATCHED))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.opening for one in opened}) == 1
    assert [one.new for one in opened].count(True) == 1


@pytest.mark.parametrize("other", [{"environment": "staging"}, {"runbook": "database/slow-queries"}])
def test_it_tells_places_and_runbooks_apart(journal: Journal, other: dict[str, str]) -> None:
    assert journal.openings.ask(WATCHED).opening != journal.openings.ask(replace(WATCHED, **other)).opening


def test_it_tells_the_problems_of_two_alerts_apart(journal: Journal) -> None:
    first = journal.openings.ask(ALERTED)
    second = journal.openings.ask(replace(ALERTED, problem="sentry:issue:2"))
    assert first.opening != second.opening
    assert journal.openings.ask(ALERTED).opening == first.opening


def test_an_alert_joins_what_a_watch_opened_and_a_watch_what_an_alert_did(journal: Journal) -> None:
    watched = journal.openings.ask(WATCHED)
    assert journal.openings.ask(ALERTED).opening == watched.opening
    live(journal, watched.opening, "run-1")
    close(journal, "run-1")
    alerted = journal.openings.ask(ALERTED)
    assert alerted.new
    assert journal.openings.ask(WATCHED).opening == alerted.opening


def test_what_a_person_opened_is_joined(journal: Journal) -> None:
    with journal.hold("by-hand") as log:
        log.append("ana", "opened", Raw("opened", {"runbook": WATCHED.runbook}))
        log.register(WATCHED)
        # As when it is taken up again.
        log.register(WATCHED)
    found = journal.openings.ask(WATCHED)
    assert (found.new, found.run) == (False, "by-hand")
    close(journal, "by-hand")
    assert journal.openings.ask(WATCHED).new


def test_it_finds_what_was_open_before_there_was_this_door(empty: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = command.upgrade
    with monkeypatch.context() as before:
        before.setattr(command, "upgrade", lambda config, _: upgrade(config, "v3"))
        before.setattr("flows.journal.migrate.TABLES", ("entries", "measurements"))
        before.setattr("flows.journal.migrate.MONTHS_AHEAD", "SELECT 1")
        migrate(empty.owner_url, empty.runner)
    journal = empty.journal()
    for run in ("open", "over"):
        with journal.hold(run) as log:
            log.append(
                "watch", "opened", Raw("opened", {"runbook": WATCHED.runbook, "environment": WATCHED.environment})
            )
    close(journal, "over")
    migrate(empty.owner_url, empty.runner)
    assert journal.openings.ask(WATCHED).run == "open"


def test_a_watch_sees_its_own_that_is_open_behind_those_that_are_over(journal: Journal) -> None:
    for n in range(3):
        live(journal, journal.openings.ask(WATCHED).opening, f"run-{n}")
        close(journal, f"run-{n}")
    assert journal.openings.open_of(WATCHED.environment, [WATCHED.runbook]) == []
    live(journal, journal.openings.ask(WATCHED).opening, "run-3")
    asked = [WATCHED.runbook, "database/slow-queries"]
    assert journal.openings.open_of(WATCHED.environment, asked) == [(WATCHED.runbook, "run-3")]
    assert journal.openings.open_of("elsewhere", asked) == []
    close(journal, "run-3")
    # Of an alert's own problem its source says when it is over.
    live(journal, journal.openings.ask(ALERTED).opening, "run-4")
    assert journal.openings.open_of(WATCHED.environment, asked) == []


def test_what_has_no_run_yet_waits_in_its_order(journal: Journal) -> None:
    asked = [WATCHED, replace(WATCHED, environment="staging"), replace(WATCHED, runbook="database/slow-queries")]
    opened = [journal.openings.ask(one).opening for one in asked]
    assert [(one.opening, one.asked, one.attempt, one.run) for one in journal.openings.waiting()] == [
        (opening, one, 0, "") for opening, one in zip(opened, asked, strict=True)
    ]
    journal.openings.dispatched(opened[1], 1, "run-1")
    assert [one.opening for one in journal.openings.waiting()] == [opened[0], opened[2]]


def test_a_run_that_never_began_is_looked_at_again_ever_more_seldom(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = journal.openings.ask(WATCHED).opening
    journal.openings.dispatched(opening, 1, "run-1")
    assert journal.openings.waiting() == []
    limits = {"newest": 100, "first_s": 0.0, "at_most_s": LONGEST_WAIT_S}
    monkeypatch.setattr("flows.journal.openings._LIMITS", limits)
    (waiting,) = journal.openings.waiting()
    assert (waiting.opening, waiting.attempt, waiting.run) == (opening, 1, "run-1")
    live(journal, opening, "run-1")
    assert journal.openings.waiting() == []


def test_one_attempt_has_one_run(journal: Journal) -> None:
    opening = journal.openings.ask(WATCHED).opening
    for run in ("run-1", "run-2"):
        journal.openings.dispatched(opening, 1, run)
    assert journal.openings.ask(WATCHED).run == "run-1"


def test_it_keeps_no_secret(roles: Roles) -> None:
    journal = roles.journal("hunter2-secret")
    journal.openings.ask(replace(WATCHED, reason="It said hunter2-secret."))
    assert [one.asked.reason for one in journal.openings.waiting()] == ["It said ••••."]


@pytest.mark.parametrize("statement", ["UPDATE incident.{} SET at = at", "DELETE FROM incident.{}"])
@pytest.mark.parametrize("table", ["openings", "dispatched"])
def test_it_only_grows_whoever_asks(roles: Roles, table: str, statement: str) -> None:
    opening = roles.journal().openings.ask(WATCHED).opening
    roles.journal().openings.dispatched(opening, 1, "run-1")
    with psycopg.connect(roles.owner_url) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute(statement.format(table).encode())
