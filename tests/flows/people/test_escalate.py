"""Is somebody told that a step waits, and ever more people while nobody answers? And does no incident wait for it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from flows.case.bodies import plan_body
from flows.journal import Journal
from flows.people import escalate
from flows.people.escalate import LADDER, RETRY_S, Escalator
from flows.run.clock import now
from runbooks.model import Severity
from tasks.config import Config
from tasks.model import BlastRadius, Command, Plan, Risk
from tasks.roster import Role
from tests.flows.inbox import Inbox, opened
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw

TOKEN = "canary-token-7f3e"
PLAN = Plan(
    does="End one session.",
    commands=(Command(line="SELECT 1", target={"pid": 1}),),
    blast_radius=BlastRadius(touched=1, total=41, noun="sessions"),
    risk=Risk.LOW,
    loses="Its transaction.",
)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with opened() as box:
        yield box


@dataclass
class Desk:
    journal: Journal
    escalator: Escalator
    inbox: Inbox
    said: list[str]
    later: timedelta = timedelta(0)

    def told(self) -> list[str]:
        """Who got a message since the last time."""
        self.escalator.look()
        who = sorted(message["to"] for message in self.inbox.got)
        self.inbox.got.clear()
        return who

    def opened(self, severity: str = "P0", incident: str = "inc-1") -> None:
        with self.journal.hold(incident) as log:
            opening = {"runbook": "database/x", "environment": "site", "severity": severity, "reason": ""}
            log.append("prefect", "opened", Raw("opened", opening))
            log.append(
                "engine",
                "step/end/ask/1/asked",
                Raw(
                    "asked",
                    {
                        "title": "End the session",
                        "reason": "One session blocks 40.",
                        "plan": plan_body(PLAN),
                        "digest": "d",
                        "expires_at": (now() + timedelta(hours=8)).isoformat(),
                        "refused": "",
                    },
                ),
            )


@pytest.fixture
def desk(roles: Roles, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    file = tmp_path / "environments.toml"
    routes = "\n".join(
        f'{role} = ["json://u:{TOKEN}@127.0.0.1:{inbox.port}/{role}"]' for role in Role if role is not Role.SECURITY
    )
    file.write_text(
        f'[environments.site]\nkind = "staging"\n[environments.site.routes]\n{routes}\n'
        "[environments.site.escalation]\nP3 = { senior = 5 }\n"
    )
    said: list[str] = []
    escalator = Escalator(roles.journal(), lambda: Config.load(file), said.append)
    made = Desk(journal=roles.journal(), escalator=escalator, inbox=inbox, said=said)
    monkeypatch.setattr(escalate, "now", lambda: now() + made.later)
    return made


def test_it_tells_ever_more_people_while_nobody_answers(desk: Desk) -> None:
    desk.opened("P0")
    assert desk.told() == ["on-call"]
    assert desk.told() == []
    desk.later = timedelta(minutes=4)
    assert desk.told() == []
    desk.later = timedelta(minutes=5)
    assert desk.told() == ["dba", "senior"]
    desk.later = timedelta(minutes=16)
    assert desk.told() == ["manager"]
    assert desk.told() == []
    kinds = [entry.kind for entry in desk.journal.read("inc-1")]
    assert kinds == ["opened", "asked", "told", "told", "told", "told"]


def test_it_tells_once_that_a_stage_is_late(desk: Desk) -> None:
    desk.opened("P0")
    began = now()
    rows = [
        {"stage": stage, "due_at": (began + timedelta(minutes=minutes)).isoformat()}
        for stage, minutes in (("The database", 30), ("All of it", 240))
    ]
    with desk.journal.hold("inc-1") as log:
        log.append("engine", "clock", Raw("clock", {"stages": rows, "says": "The clock runs."}))
    desk.later = timedelta(minutes=29)
    desk.told()
    desk.later = timedelta(minutes=30)
    desk.escalator.look()
    late = [message for message in desk.inbox.got if "late" in message["title"]]
    assert sorted(message["to"] for message in late) == ["manager", "on-call", "senior"]
    assert late[0]["title"] == "P0 site: late: The database"
    assert "30 minutes after it began, and is not done." in late[0]["message"]
    desk.inbox.got.clear()
    assert desk.told() == []
    desk.later = timedelta(minutes=241)
    assert {"dba", "manager", "on-call", "senior"} == set(desk.told())
    with desk.journal.hold("inc-1") as log:
        log.append("engine", "closed", Raw("closed", {"verdict": "fixed", "says": "It is back."}))
    desk.told()


def test_it_says_what_waits_and_where_to_decide(desk: Desk) -> None:
    desk.opened("P1")
    desk.escalator.look()
    [message] = desk.inbox.got
    assert message["title"] == "P1 site: End the session?"
    for words in ("One session blocks 40.", "End one session.", "1 of 41 sessions", "incident approve inc-1"):
        assert words in message["message"]


def test_it_waits_longer_where_it_is_less_urgent_unless_the_environment_says_otherwise(desk: Desk) -> None:
    desk.opened("P3")
    assert desk.told() == ["on-call"]
    desk.later = timedelta(minutes=5)
    assert desk.told() == ["senior"]
    for milder, worse in zip(list(Severity)[1:], Severity, strict=False):
        assert LADDER[milder][Role.SENIOR] > LADDER[worse][Role.SENIOR]


def test_it_stops_when_somebody_answered_and_tells_how_it_ended(desk: Desk) -> None:
    desk.opened("P0")
    desk.told()
    with desk.journal.hold("inc-1") as log:
        log.append("ana", "step/end/ask/1/answered", Raw("answered", {"accepted": True, "decision": "approve"}))
    desk.later = timedelta(hours=1)
    assert desk.told() == []
    desk.later = timedelta(0)
    with desk.journal.hold("inc-1") as log:
        log.append("engine", "closed", Raw("closed", {"verdict": "fixed", "says": "Fixed."}))
    assert desk.told() == ["on-call"]
    assert desk.told() == []


def test_it_tells_that_nobody_answered(desk: Desk) -> None:
    desk.opened("P0")
    desk.told()
    with desk.journal.hold("inc-1") as log:
        log.append(
            "engine", "step/end/ask/1/answered", Raw("expired", {"note": "Nobody answered in time.", "accepted": True})
        )
    assert desk.told() == ["on-call"]


def test_it_follows_a_severity_that_was_raised(desk: Desk) -> None:
    desk.opened("P3")
    desk.later = timedelta(minutes=6)
    assert desk.told() == ["on-call", "senior"]
    desk.journal.note("inc-1", "ana", "person/3", Raw("severity", {"severity": "P0", "says": "It is P0 now."}))
    assert desk.told() == ["dba"]


def test_it_tries_again_and_then_says_that_it_did_not_arrive(desk: Desk) -> None:
    desk.inbox.status = 503
    desk.opened("P2")
    for wait in (0.0, *RETRY_S):
        desk.later += timedelta(seconds=wait + 1)
        desk.escalator.look()
        desk.escalator.look()
    [entry] = [entry for entry in desk.journal.read("inc-1") if entry.kind == "told"]
    assert (entry.body["delivered"], entry.body["attempts"]) == (False, len(RETRY_S) + 1)
    assert len(desk.said) == len(RETRY_S)


def test_it_delivers_late_when_the_target_is_back(desk: Desk) -> None:
    desk.inbox.status = 503
    desk.opened("P2")
    assert desk.told() == []
    desk.inbox.status = 200
    desk.later = timedelta(seconds=RETRY_S[0] + 1)
    assert desk.told() == ["on-call"]


def test_it_keeps_addresses_out_of_the_record_and_the_log(desk: Desk) -> None:
    desk.opened("P0")
    desk.told()
    desk.inbox.status = 500
    desk.later = timedelta(minutes=20)
    desk.told()
    kept = str([vars(entry) for entry in desk.journal.read("inc-1")]) + str(desk.said)
    assert "told" in kept
    assert TOKEN not in kept


def test_it_says_once_when_an_environment_cannot_be_used(desk: Desk, tmp_path: Path) -> None:
    desk.opened("P0")
    (tmp_path / "environments.toml").write_text('[environments.site]\nkind = "stagin"\n')
    desk.told()
    desk.told()
    assert len(desk.said) == 1
    assert desk.said[0].startswith("Nobody is told about incidents in site.")
