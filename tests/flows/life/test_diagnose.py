"""All questions of a runbook are asked at once: a diagnosis takes as long as its slowest question, not as their sum.

Whichever answers first, people read the answers in the order in which the questions are declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.case.case import Ending
from flows.life.diagnose import look
from flows.run import settings
from flows.told.report import report
from runbooks.catalog import Catalog
from tests.flows.room import Room

# Each question waits until all of them are being asked; were one asked after another's answer, none would ever answer.
MEETING = """
import threading
import time
from datetime import timedelta

from runbooks.model import Manual, Runbook, Severity, Symptom, Verify, Watch
from tasks.check import Check
from tasks.kept import asked_once
from tasks.model import Finding, Verdict

KNOCKS = []
ALL_HERE = threading.Barrier({count})


def question(number):
    def ask() -> Finding:
        ALL_HERE.wait(15)
        time.sleep({hurry} * ({count} - number))
        # What one has asked of a door, the others are answered with.
        knocks = asked_once("a door", lambda: KNOCKS.append(number) or len(KNOCKS))
        return Finding(verdict=Verdict.OK, says="All were here at once." if knocks == 1 else "It knocked again.")

    ask.__name__ = f"check_meeting_{{number}}"
    ask.__doc__ = "Are all questions here?"
    return Check(ask)


QUESTIONS = tuple(question(number) for number in range({count}))
runbook = Runbook(
    title="A meeting",
    problem="Everybody waits for everybody.",
    severity=Severity.P3,
    keywords=("meeting",),
    symptoms=(Symptom(heard="Where are the others?"),),
    diagnosis=QUESTIONS,
    resolution=(Manual("Begin", when=QUESTIONS[0], how="Without them."),),
    verification=Verify(hold=timedelta(seconds=1), within=timedelta(seconds=4)),
    prevention=(Watch(QUESTIONS[0], every=timedelta(minutes=5)),),
)
"""
CONFIG = '[team]\nrunbooks = "meetings"\n\n[environments.room]\nkind = "lab"\n'


NAMES = ["check_meeting_0", "check_meeting_1", "check_meeting_2"]
Meet = Callable[[int, float], None]


@pytest.fixture
def meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Meet:
    """Declares a runbook with so many questions, each of which answers that many seconds before the one above it."""

    def declare(count: int, hurry: float) -> None:
        folder = tmp_path / "meetings" / "house"
        folder.mkdir(parents=True)
        (folder / "meeting.py").write_text(MEETING.format(count=count, hurry=hurry))
        (tmp_path / "meetings.toml").write_text(CONFIG)
        monkeypatch.setenv("INCIDENT_CONFIG", str(tmp_path / "meetings.toml"))

    return declare


def test_it_asks_all_questions_of_the_longest_runbook_at_once(room: Room, meet: Meet) -> None:
    longest = max(len(entry.runbook.first_asked) for entry in Catalog.load())
    meet(longest, 0)

    room.live(slug="house/meeting")

    says = [entry.body["says"] for entry in room.entries if entry.kind == "finding"]
    assert says == ["All were here at once."] * longest
    assert room.verdict == Ending.NOT_REPRODUCED


def test_it_shows_the_answers_in_the_order_of_the_questions(
    room: Room, meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(3, 0.5)
    shown: list[str] = []
    monkeypatch.setattr("flows.incident.publish_findings", lambda _, found, __: shown.extend(a.name for a in found))

    room.live(slug="house/meeting")

    recorded = [entry.key.removeprefix("diagnosis/") for entry in room.entries if entry.kind == "finding"]
    assert recorded == NAMES[::-1], "each is recorded as it comes"
    assert shown == NAMES
    assert re.findall(r"check_meeting_\d", report(room.entries).partition("## Decisions")[0]) == NAMES


def test_it_keeps_the_order_where_nothing_is_recorded(meet: Meet) -> None:
    meet(3, 0.3)
    config = settings.config()
    runbook = settings.catalog(config).get("house/meeting").runbook
    heard: list[str] = []

    found = look(runbook, config.environment("room"), lambda asked, _: heard.append(asked.name))

    assert (heard, list(found)) == (NAMES, NAMES)
    assert {finding.says for finding in found.values()} == {"All were here at once."}
