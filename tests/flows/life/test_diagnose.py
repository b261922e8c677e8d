"""All questions of a runbook are asked at once: a diagnosis takes as long as its slowest question, not as their sum."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.case.case import Ending
from runbooks.catalog import Catalog
from tests.flows.room import Room

# Each question waits until all of them are being asked; were one asked after another's answer, none would ever answer.
MEETING = """
import threading
from datetime import timedelta

from runbooks.model import Manual, Runbook, Severity, Symptom, Verify, Watch
from tasks.check import Check
from tasks.model import Finding, Verdict

ALL_HERE = threading.Barrier({count})


def question(number):
    def ask() -> Finding:
        ALL_HERE.wait(15)
        return Finding(verdict=Verdict.OK, says="All were here at once.")

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


def test_it_asks_all_questions_of_the_longest_runbook_at_once(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max(len(entry.runbook.first_asked) for entry in Catalog.load())
    folder = tmp_path / "meetings" / "house"
    folder.mkdir(parents=True)
    (folder / "meeting.py").write_text(MEETING.format(count=longest))
    (tmp_path / "meetings.toml").write_text(CONFIG)
    monkeypatch.setenv("INCIDENT_CONFIG", str(tmp_path / "meetings.toml"))

    room.live(slug="house/meeting")

    says = [entry.body["says"] for entry in room.entries if entry.kind == "finding"]
    assert says == ["All were here at once."] * longest
    assert room.verdict == Ending.NOT_REPRODUCED
