"""Incidents at the command line: approved from another terminal, lived through in this one, read afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from pydantic import SecretStr

from deployments.stack import Stack
from flows.journal import Journal, Redactor
from runbooks.catalog import Catalog
from tasks.config import Config
from tests.conftest import Server
from tests.deployments.processes import wait_until
from tests.deployments.terminal import PATIENCE_S, Shell, terminal
from tests.flows.journal.conftest import roles_on
from tests.flows.raw import Raw

SLUG = "database/blocked-sessions"
# How Prefect's own log lines look.
PREFECTS_LOG = " | "


@pytest.fixture(scope="module")
def shell(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An empty folder, with the session's stack and lab as its home, and everything published."""
    opened = Shell(stack.home.root, tmp_path_factory.mktemp("shell"))
    assert opened("publish").returncode == 0
    return opened


@pytest.fixture
def journal(stack: Stack) -> Journal:
    return Journal(SecretStr(stack.journal_url), Redactor([]))


@pytest.fixture
def broken(stack: Stack) -> Iterator[None]:
    """The lab, for the length of a test, with sessions that wait for a lock long enough to be BAD."""
    lab = Config.load(stack.home.config, stack.home.lab_environment).environment("lab")
    drill = Catalog.load().get(SLUG).runbook.drills[0]
    with drill.fault.during(lab):
        wait_until(lambda: drill.noticed_by.ask(lab).verdict.name == "BAD", "noticed")
        yield


def opened(stack: Stack, journal: Journal) -> str:
    """A new incident that waits for approval, triggered as the Prefect UI does."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.run.trigger import trigger

    with temporary_settings({PREFECT_API_URL: stack.prefect_api_url}):
        incident = str(trigger(SLUG, {"environment": "lab", "reason": "by hand"}))
    wait_until(lambda: "asked" in [e.kind for e in journal.read(incident)], "it asks", PATIENCE_S)
    return incident


def test_it_takes_answers_from_pipes_and_terminals(shell: Shell, stack: Stack, journal: Journal, broken: None) -> None:
    first, second = opened(stack, journal), opened(stack, journal)
    one, other = first[:8], second[:8]

    listed = shell("approve")
    assert listed.returncode == 0
    assert {one, other} <= {line.split()[0] for line in listed.stdout.splitlines()}
    assert shell("approve", "--decision", "approve", "--name", "you").returncode == 2
    [shown] = shell.json("approve", one)
    statement = shown["plan"]["commands"][0]["line"]
    lines = [command["line"] for command in shown["plan"]["commands"]]
    assert shell("approve", one, "--commands").stdout == "".join(f"{line}\n" for line in lines)
    assert shell("approve", one, "--commands", "--decision", "approve").returncode == 2
    assert statement.startswith("SELECT pg_terminate_backend(pid)")

    looked = shell("approve", one)
    assert looked.returncode == 0
    assert f"\n{statement}\n" in looked.stdout
    assert f"incident approve {one} --decision approve --name YOU --code 123456 --note WHY" in looked.stdout
    nameless = shell("approve", one, "--decision", "approve")
    assert (nameless.returncode, "Nothing was decided" in nameless.stderr) == (2, True)

    before = journal.read(first)
    refused = shell("approve", one, "--decision", "approve", "--name", "mallory")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Not taken: 'mallory' is not on the roster of lab. On it: lab-approver, you.")
    # Nothing was handed in: the question is the same one.
    assert journal.read(first) == before
    rejected = shell("approve", one, "--decision", "reject", "--note", "Not now", INCIDENT_APPROVER="you")
    assert rejected.returncode == 0, rejected.stderr
    assert rejected.stdout.startswith("Taken: reject by you. The step is left out, and the runbook stops")

    with terminal(shell, "approve", other) as answering:
        answering.wait_for("Decision [approve/skip/reject]:")
        answering.type("maybe")
        answering.wait_for("Decision [approve/skip/reject]:", times=2)
        answering.type("approve")
        answering.wait_for("Your name on the roster:")
        answering.type("you")
        answering.wait_for("Why (kept in the record):")
        answering.type("It hurts.")
        assert answering.ended() == 0
    assert "Taken: approve by you. It is looked at once more, then done and verified." in answering.screen

    entries = [json.loads(line) for line in shell("timeline", other, "--live", "--json").stdout.splitlines()]
    assert (entries[-1]["kind"], entries[-1]["body"]["verdict"]) == ("closed", "fixed")
    assert entries == shell.json("timeline", second)
    assert shell("timeline", other).stdout.endswith(f"{len(entries)} entries; the chain is unbroken.\n")
    assert shell("timeline", other, "--post-mortem").stdout.startswith("# Sessions wait for a lock in lab: fixed\n")
    late = shell("approve", other, "--decision", "approve", "--name", "you")
    assert (late.returncode, "waits for no approval" in late.stderr) == (1, True)


@pytest.mark.strict(
    "One more incident in a whole stack; one that is answered from pipes and terminals is lived through."
)
def test_it_leaves_an_answer_open_when_the_prompt_is_left(
    shell: Shell, stack: Stack, journal: Journal, broken: None
) -> None:
    incident = opened(stack, journal)
    for key in "CD":
        with terminal(shell, "approve", incident) as asking:
            asking.wait_for("Decision [approve/skip/reject]:")
            assert asking.leave(key) == 130
            assert asking.screen.rstrip().endswith("Interrupted.")
    assert [one["incident"] for one in shell.json("approve", incident)] == [incident]
    assert shell("approve", incident, "--decision", "skip", "--name", "you").returncode == 0


@pytest.mark.strict(
    "One more incident in a whole stack; one that is answered from pipes and terminals is lived through."
)
def test_it_asks_again_in_the_terminal_and_says_what_leaving_means(
    shell: Shell, journal: Journal, broken: None
) -> None:
    with terminal(shell, "run", SLUG, "--environment", "lab") as running:
        running.wait_for("Decision [approve/skip/reject]:")
        incident = journal.incidents(limit=1)[0].incident
        elsewhere = shell("approve", incident, "--decision", "approve", "--name", "you")
        assert elsewhere.returncode == 1
        assert "waits in the terminal where `incident run` was started" in elsewhere.stderr
        running.type("approve")
        running.wait_for("Your name on the roster:")
        running.type("mallory")
        running.wait_for("again  'mallory' is not on the roster of lab.")
        running.wait_for("Your name on the roster:", times=2)
        assert running.leave("C") == 130
    assert "Why (kept in the record)" not in running.screen
    assert f"You left incident {incident[:8]}: nothing more is done." in running.screen
    assert PREFECTS_LOG not in running.screen
    assert max(len(line) for line in running.screen.splitlines() if "SELECT" not in line) <= 80
    wait_until(lambda: journal.read(incident)[-1].body.get("verdict") == "abandoned", "closed", PATIENCE_S)


def test_it_lives_through_an_incident_in_the_terminal(shell: Shell, broken: None) -> None:
    with terminal(shell, "run", SLUG, "--environment", "lab", INCIDENT_APPROVER="you") as running:
        running.wait_for("Decision [approve/skip/reject]:")
        running.type("approve")
        running.wait_for("Your name on the roster (you):")
        running.type("")
        running.wait_for("Why (kept in the record):")
        running.type("It hurts.")
        assert running.ended() == 0, running.screen
    assert "    closed  Fixed." in running.screen
    assert PREFECTS_LOG not in running.screen


def test_it_plans_without_changing_anything(shell: Shell, journal: Journal, broken: None) -> None:
    before = journal.incidents(limit=1)
    planned = shell("run", SLUG, "--environment", "lab", "--plan-only", "--json")
    assert planned.returncode == 1
    plan = json.loads(planned.stdout)["plans"]["End the session that holds others up"]
    shown = shell("run", SLUG, "--environment", "lab", "--plan-only").stdout
    assert f"\n{plan['commands'][0]['line']}\n" in shown
    assert f"Nothing was changed. To go through it: incident run {SLUG} --environment lab" in shown
    assert journal.incidents(limit=1) == before
    asked = shell("run", SLUG, "--environment", "lab")
    assert (asked.returncode, "There is no terminal to approve in." in asked.stderr) == (2, True)


@pytest.mark.strict(
    "One more incident in a whole stack; one that is answered from pipes and terminals is lived through."
)
def test_it_is_handled_by_people_and_closed_by_one(shell: Shell, stack: Stack, journal: Journal, broken: None) -> None:
    one = opened(stack, journal)[:8]
    assert shell("note", one, "Support has been told.", "--name", "you").returncode == 0
    assert shell("take", one, "--name", "you").stdout.startswith("you handles it from now on.")
    assert shell("severity", one, "P0", "All customers see it.").returncode == 0
    assert [s["severity"] for s in shell.json("timeline") if s["incident"].startswith(one)] == ["P0"]

    closed = shell("close", one, "Mended by hand.", "--name", "you")
    assert closed.returncode == 0, closed.stderr
    wait_until(lambda: journal.read(journal.find(one))[-1].kind == "closed", "closed", PATIENCE_S)
    entries = journal.read(journal.find(one))
    told = [(e.kind, e.actor, e.body["says"]) for e in entries if e.key.startswith("person/")]
    assert [kind for kind, _, _ in told] == ["note", "taken", "severity", "closing"]
    assert told[0][1:] == ("you", "Support has been told.")
    assert told[3][2] == "you closes it. Mended by hand."
    assert entries[-1].body["verdict"] == "cancelled"
    assert not [e for e in entries if e.kind == "intent"]

    over = shell("severity", one, "P3", "Late.")
    assert (over.returncode, "is closed" in over.stderr) == (1, True)
    assert shell("note", one, "Looked at it again.").returncode == 0


def test_it_says_that_a_record_was_changed(shell: Shell, postgres18: Server) -> None:
    from flows.journal.migrate import migrate

    with roles_on(postgres18) as roles:
        migrate(roles.owner_url, roles.runner)
        with roles.journal().hold("inc-1") as log:
            opening = {"runbook": SLUG, "environment": "lab", "severity": "P1", "title": "A", "reason": ""}
            log.append("ana", "opened", Raw("opened", opening))
            log.append("engine", "note", Raw("note", {"says": "as it was"}))
        assert shell("timeline", "inc-1", INCIDENT_JOURNAL_URL=roles.runner_url).returncode == 0
        with psycopg.connect(roles.admin_url) as admin:
            admin.execute("ALTER TABLE incident.entries DISABLE TRIGGER ALL")
            admin.execute('UPDATE incident.entries SET body = \'{"says":"as I like it"}\' WHERE seq = 2')
        for how in ([], ["--json"]):
            changed = shell("timeline", "inc-1", *how, INCIDENT_JOURNAL_URL=roles.runner_url)
            assert changed.returncode == 1
            assert changed.stderr.startswith("The record is not what was written. Entry 2")


def test_it_points_a_second_start_to_the_first(shell: Shell, stack: Stack) -> None:
    said = shell("up")
    assert (said.returncode, said.stdout) == (1, "")
    assert stack.ui_url in said.stderr
    assert "set INCIDENT_HOME to another folder" in said.stderr


@pytest.mark.strict(
    "One more incident in a whole stack; one that is answered from pipes and terminals is lived through."
)
def test_it_publishes_once(shell: Shell) -> None:
    assert shell("publish", "--dry-run").stdout == ("Nothing to change: every deployment is as declared.\n")
    assert shell.json("publish") == []
