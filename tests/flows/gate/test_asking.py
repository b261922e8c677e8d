"""What a person is asked at the terminal, and in which order."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial

import pytest

from deployments.commands.asking import ask_decision, cannot_count
from flows.case.question import Answer, Decision, Question
from flows.run import settings
from tests.flows.room import Room, said


@pytest.mark.parametrize(
    ("typed", "refused"),
    [
        ("mallory\nana\n", "'mallory' is not on the roster of room. On it: ana, zoe."),
        ("\nzed\nana\n", "'zed' is not on the roster"),
    ],
)
def test_it_refuses_a_name_before_it_asks_for_anything_else(
    room: Room, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, refused: str
) -> None:
    monkeypatch.delenv("INCIDENT_APPROVER", raising=False)

    def at_the_terminal(question: Question) -> Answer:
        place = settings.environment(config := settings.config(), settings.catalog(config), "room")
        wrong = partial(cannot_count, question, place, room.journal.read(question.incident)[0])
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}It is dark.\n123456\n"))
        given = ask_decision(replace(question, proof=True), Decision.REJECT, wrong=wrong)
        assert (given.name, given.note, given.proof) == ("ana", "It is dark.", "123456")
        return said(question, given.decision, given.name)

    room.live(at_the_terminal)
    shown = " ".join(capsys.readouterr().out.split())
    assert refused in shown
    assert shown.index(refused) < shown.index("Why (kept in the record)") < shown.index("One-time code")
    assert (shown.count("Why"), shown.count("One-time code")) == (1, 1)
