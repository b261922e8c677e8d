"""`incident health`, `schedule` and `watch`, as they are typed beside a running stack and lab."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest

from deployments.lab import Lab
from deployments.stack import Stack
from flows.run import settings
from tasks.application.faults import FailWorkflow, StickQueue, UnsubscribeWave
from tasks.environment import Environment
from tasks.fault import Fault
from tasks.mail_domain.faults import PublishForeignKey, RemoveDmarc
from tasks.mirror.faults import DriftRows
from tasks.postgres.connections.faults import TakeAllSlots
from tasks.postgres.locks.faults import LeaveTransactionOpen
from tasks.retention.faults import PileUpOldRows
from tasks.website.faults import AnswerUnavailable, ShowEndingCertificate
from tests.deployments.lab_faults import AskSlowly, EndNumbers, FillDatabase, FillRole
from tests.deployments.terminal import Shell

WATCH = "database/slow-queries/check_slow_statements"


@pytest.fixture(scope="module")
def shell(stack: Stack, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The session's stack and lab as its home, with everything published."""
    opened = Shell(stack.home.root, tmp_path_factory.mktemp("shell"))
    assert opened("publish").returncode == 0
    return opened


def keys(told: dict[str, Any], verdict: str) -> set[str]:
    return {item["key"] for item in told["items"] if item["verdict"] == verdict}


def test_it_goes_through_the_morning_and_prints_nothing_but_json(shell: Shell) -> None:
    said = shell("health", "morning", "--environment", "lab", "--json")
    assert said.stderr == ""
    told = json.loads(said.stdout)
    assert told["checklist"] == "health/morning"
    assert "ran maintenance/database" in keys(told, "WARN") | keys(told, "OK")
    assert "check_sent_yesterday" in keys(told, "OK"), told
    assert {"pgbouncer", "status_page"} <= set(told["not_here"])
    # What nobody has made yet in this lab is said as it is.
    bad = keys(told, "BAD")
    assert bad <= {"check_newest_backup"}, told
    assert said.returncode == (1 if bad else 0)


def test_it_says_what_waits_to_be_signed_off(shell: Shell) -> None:
    said = shell("health", "evening", "--environment", "lab")
    assert said.returncode == 0, said.stdout + said.stderr
    *_, verdict, sign, record, report = said.stdout.splitlines()
    assert "act" in verdict
    assert sign.startswith("To be signed off, one after the other: incident approve ")
    assert report.endswith("--html report.html")
    assert shell("close", record.split()[-1], "--reason", "A test.").returncode == 0


def test_a_name_that_is_none_is_refused_with_those_there_are(shell: Shell) -> None:
    said = shell("health", "mornin", "--environment", "lab")
    assert said.returncode == 2
    assert "health/morning" in said.stderr


def test_it_lists_what_runs_by_the_clock_and_how_it_went(shell: Shell) -> None:
    found = {one["name"]: one for one in shell.json("schedule", "--environment", "lab")}
    assert found["health/morning"]["when"] == "Every day, 07:30"
    assert found["health/morning"]["verdict"] in ("healthy", "unhealthy")
    # A lab's schedules are paused: it is broken on purpose.
    assert found["health/morning"]["paused"] is True
    assert found["health/annual"]["last"] == ""
    assert found["health/annual"]["when"] == "Every third Tuesday of January, 10:00"


def test_one_watch_is_paused_for_a_while_and_asked_again(shell: Shell) -> None:
    def listed() -> str:
        found = shell.json("watch", "list", "--environment", "lab")
        return next(str(one["next"]) for one in found if one["watch"] == WATCH)

    def pause(hold: str, watch: str = WATCH) -> int:
        why = ("--hold", hold, "--reason", "Load test.")
        return shell("watch", "pause", watch, "--environment", "lab", *why).returncode

    assert pause("2h") == 0
    assert listed().endswith(": Load test.")
    assert pause("0s") == 0
    assert "Load test" not in listed()
    assert pause("8d") == 2
    assert pause("2h", "database/slow-queries/check_slow") == 2


@pytest.fixture
def place(stack: Stack, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("INCIDENT_CONFIG", str(stack.home.config))
    monkeypatch.setenv("INCIDENT_LAB_ENVIRONMENT", str(stack.home.lab_environment))
    config = settings.config()
    return settings.environment(config, settings.catalog(config), "lab")


@pytest.mark.strict("Each breaks the lab's application in another way; the first shows that the way is free.", keeps=1)
@pytest.mark.parametrize(
    ("fault", "noticed_by"),
    [
        (StickQueue(), "check_stuck_sends"),
        (FailWorkflow(), "check_expected_workflows"),
        (UnsubscribeWave(), "check_unsubscribes"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Fault) else "",
)
def test_a_day_that_goes_wrong_is_the_first_line(
    shell: Shell, place: Environment, fault: Fault, noticed_by: str
) -> None:
    with fault.during(place):
        said = shell("health", "morning", "--environment", "lab", "--json")
    assert said.returncode == 1, said.stderr
    told = json.loads(said.stdout)
    assert told["says"].startswith("Somebody has to act.")
    assert noticed_by in keys(told, "BAD"), told
    assert told["items"][0]["verdict"] == "BAD"
    well = shell.json("health", "morning", "--environment", "lab")
    assert noticed_by in keys(well, "OK")
    assert {("BAD", "OK")} <= {(one["was"], one["is"]) for one in well["changed"]}


@pytest.mark.strict("Rehearses whole checklists, failed in several ways at once; the morning's are above.")
@pytest.mark.parametrize(
    ("checklist", "faults"),
    [
        (
            "health/evening",
            {
                "check_website_answers": AnswerUnavailable(),
                "check_stuck_sends": StickQueue(),
                "check_blocked_sessions": LeaveTransactionOpen(),
            },
        ),
        (
            "health/weekly",
            {
                "check_row_drift": DriftRows(),
                "check_overdue_rows": PileUpOldRows(),
                "check_website_certificates": ShowEndingCertificate(),
            },
        ),
        (
            "health/monthly",
            {
                "check_sequences": EndNumbers(),
                "check_role_connection_limits": FillRole(),
                "check_database_connection_limits": FillDatabase(),
            },
        ),
        (
            "health/quarterly",
            {
                "check_sequences": EndNumbers(),
                "check_slow_statements": AskSlowly(),
                "check_connection_slots": TakeAllSlots(),
            },
        ),
        (
            "health/annual",
            {
                "check_overdue_rows": PileUpOldRows(),
                "check_sequences": EndNumbers(),
                "check_website_certificates": ShowEndingCertificate(),
            },
        ),
        (
            "security/checklist",
            {
                "check_website_certificates": ShowEndingCertificate(),
                "check_role_connection_limits": FillRole(),
                "check_dmarc": RemoveDmarc(),
            },
        ),
        (
            "security/checklist-weekly",
            {
                "check_website_certificates": ShowEndingCertificate(),
                "check_role_connection_limits": FillRole(),
                "check_dmarc": RemoveDmarc(),
            },
        ),
        (
            "security/checklist-monthly",
            {
                "check_website_certificates": ShowEndingCertificate(),
                "check_role_connection_limits": FillRole(),
                "check_dkim": PublishForeignKey(),
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_checklist_sees_what_fails_it(
    shell: Shell, place: Environment, checklist: str, faults: dict[str, Fault]
) -> None:
    with ExitStack() as broken:
        for fault in faults.values():
            broken.enter_context(fault.during(place))
        told = gone(shell, checklist)
    assert told["says"].startswith("Somebody has to act.")
    assert set(faults) <= keys(told, "BAD") | keys(told, "WARN"), told
    well = gone(shell, checklist)
    assert set(faults) <= keys(well, "OK"), well


def gone(shell: Shell, checklist: str) -> dict[str, Any]:
    """Gone through once; its incident and those it opened are closed."""
    said = shell("health", checklist.removeprefix("health/"), "--environment", "lab", "--json")
    assert said.returncode in (0, 1), said.stderr
    for one in shell.json("timeline"):
        if not one["closed_at"]:
            shell("close", one["incident"], "--reason", "A test.")
    told: dict[str, Any] = json.loads(said.stdout)
    return told
