"""The lab's sender: what is queued really goes out, one mail after the other, and really stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from deployments.lab import Lab
from tasks.application.control.faults import SendToWrongList
from tasks.config import Config
from tasks.environment import Environment
from tests.deployments.processes import wait_until

MAILS = 3
NEXT = "SELECT next_run_at::text FROM workflows WHERE workflow_name = 'Lead Nurture - Email Sender'"
Ask = Callable[[str], object]


@pytest.fixture
def there(lab: Lab) -> Environment:
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.fixture
def ask(lab: Lab) -> Iterator[Ask]:
    with psycopg.connect(lab.url("app"), autocommit=True) as session:

        def ask(statement: str) -> object:
            cursor = session.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

        yield ask


def ran_twice(ask: Ask) -> None:
    """Two runs were due since, and began."""
    for _ in range(2):
        due = ask(NEXT)
        wait_until(lambda before=due: ask(NEXT) != before, "the sender ran")  # type: ignore[misc]


def queued(ask: Ask) -> object:
    return ask("SELECT count(*) FROM email_sends WHERE send_status = 'queued'")


def test_it_sends_what_is_queued_and_writes_it_down(there: Environment, ask: Ask) -> None:
    inboxes = "SELECT coalesce(sum(sent), 0) FROM inbox_days WHERE day = (now() AT TIME ZONE 'UTC')::date"
    before = int(str(ask(inboxes)))
    with SendToWrongList(MAILS).during(there):
        wait_until(lambda: queued(ask) == 0, "the queue is empty")
        assert int(str(ask(inboxes))) - before == MAILS
    assert queued(ask) == 0


@pytest.mark.parametrize(
    ("hold", "release"),
    [
        (
            "UPDATE settings SET value = 'true' WHERE setting = 'emergency_stop'",
            "UPDATE settings SET value = 'false' WHERE setting = 'emergency_stop'",
        ),
        ("UPDATE inboxes SET status = 'paused'", "UPDATE inboxes SET status = 'active'"),
        ("UPDATE campaigns SET status = 'paused'", "UPDATE campaigns SET status = 'active'"),
    ],
)
def test_it_sends_nothing_while_it_may_not_and_goes_on_afterwards(
    there: Environment, ask: Ask, hold: str, release: str
) -> None:
    ask(hold)
    try:
        with SendToWrongList(MAILS).during(there):
            ran_twice(ask)
            assert queued(ask) == MAILS
            ask(release)
            wait_until(lambda: queued(ask) == 0, "the queue is empty")
    finally:
        ask(release)
