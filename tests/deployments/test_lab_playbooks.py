"""Playbooks of mail, lived through in the lab by the real server, worker and gate: a new inbox, mail after a stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest
from pydantic import SecretStr

from deployments.lab import Lab
from deployments.stack import Stack
from flows.case.case import step_key
from flows.case.question import Decision, question_from
from flows.gate.reply import reply
from flows.journal import Entry, Journal, Redactor, kinds
from flows.run.trigger import trigger
from flows.told.follow import follow
from runbooks.playbook import Playbook
from tests.deployments.terminal import PATIENCE_S, Shell

INBOX = "fresh@example.com"
ADD = "INSERT INTO inboxes (address, daily_limit, created_at) VALUES ('fresh@example.com', 500, now())"
ROW = (
    "SELECT daily_limit, warmup_from = (now() AT TIME ZONE 'UTC')::date FROM inboxes "
    "WHERE address = 'fresh@example.com'"
)
OTHERS = "SELECT * FROM inboxes WHERE address <> 'fresh@example.com' ORDER BY address"
REMOVE = "DELETE FROM inboxes WHERE address = 'fresh@example.com'"
SETTINGS = "SELECT value::text FROM settings WHERE setting IN ('emergency_stop', 'max_emails_per_run') ORDER BY setting"
# What the lab begins with (deployments/lab/data.sql).
AS_BEFORE = (
    "UPDATE settings SET value = (CASE setting WHEN 'emergency_stop' THEN 'false' ELSE '20' END)::jsonb, "
    "changed_by = 'setup', reason = NULL WHERE setting IN ('emergency_stop', 'max_emails_per_run')"
)
Ask = Callable[[str], list[tuple[object, ...]]]
Live = Callable[..., Sequence[Entry]]


@pytest.fixture(scope="module")
def live(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Live:
    """Live through a playbook, as its form in Prefect begins it; a person approves and signs off whatever is asked."""
    assert Shell(stack.home.root, tmp_path_factory.mktemp("shell"))("publish").returncode == 0
    journal = Journal(SecretStr(stack.journal_url), Redactor([]))

    def live(slug: str, **parameters: object) -> Sequence[Entry]:
        from prefect.settings import PREFECT_API_URL, temporary_settings

        seen = []
        with temporary_settings({PREFECT_API_URL: stack.prefect_api_url}):
            given = {"environment": "lab", "reason": "by hand", "parameters": parameters}
            incident = str(trigger(slug, given, kind=Playbook))
            for entry in follow(journal, incident, within_s=PATIENCE_S):
                seen.append(entry)
                if entry.is_a(kinds.Asked):
                    reply(question_from(entry, "lab"), Decision.APPROVE, "you", "Looked at.")
        return seen

    return live


@pytest.fixture
def ask(lab: Lab) -> Iterator[Ask]:
    with psycopg.connect(lab.url("app"), autocommit=True) as session:

        def ask(statement: str) -> list[tuple[object, ...]]:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

        yield ask
        ask(REMOVE)
        ask(AS_BEFORE)


def fates(entries: Sequence[Entry]) -> dict[str, str]:
    return {entry.key: str(entry.body["fate"]) for entry in entries if entry.is_a(kinds.Step)}


def closed(title: str) -> str:
    return f"{step_key(title)}/closed"


def test_a_new_inbox_is_tried_and_begins_its_warm_up(live: Live, ask: Ask) -> None:
    ask(ADD)
    before = ask(OTHERS)
    entries = live("playbooks/new-inbox", inbox=INBOX)
    assert entries[-1].body["verdict"] == "done", entries[-1].body
    assert fates(entries) == {
        closed(title): "applied"
        for title in (
            "Try its servers both ways",
            "Look at its domain",
            "Begin the warm-up of the inbox today",
            "Plan the weeks of its warm-up",
        )
    }
    assert ask(ROW) == [(5, True)]
    assert ask(OTHERS) == before


def test_mail_goes_out_again_after_a_stop_with_one_a_run_and_then_ten(live: Live, ask: Ask) -> None:
    ask("UPDATE settings SET value = 'true', changed_by = 'zoe' WHERE setting = 'emergency_stop'")
    for per_run in (1, 10):
        entries = live("playbooks/resume-sending", per_run=per_run)
        assert entries[-1].body["verdict"] == "done", entries[-1].body
        told = fates(entries)
        assert told[closed("Let mail go out again, one a run at first")] == "applied"
        assert told[closed("Look at what goes out")] == "applied"
        # Nothing waited for the wrong people.
        assert told[closed("Take the mails out of the queue whose people are not enrolled in the campaign")] == "moot"
        assert ask(SETTINGS) == [("false",), (str(per_run),)]
