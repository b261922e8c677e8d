"""What got worse while we worked: is it told wherever somebody reads how it went?"""

from __future__ import annotations

import pytest

from deployments.commands.entries import show_entry
from flows.case.question import Answer, Question
from flows.told.report import report, sentence
from tests.flows.room import Room, said

HEAT = "Got worse: BAD (was OK) The lamp has 120 °C (bad from 90 °C)."


def burning(room: Room) -> None:
    def burns(question: Question) -> Answer:
        room.set(heat=120)
        return said(question)

    script = room.live(burns, lambda q: said(q, "skip"))
    assert script.asked[1].reason == (
        f"Since “Switch the lamp on” was done, something else is worse than before; this takes it back. {HEAT}"
    )


def test_it_is_told_wherever_people_read(room: Room, capsys: pytest.CaptureFixture[str]) -> None:
    burning(room)
    assert room.entry("closed")["says"] == f"Worse. Switch the lamp on: applied. {HEAT}"
    [verified, closed] = [e for e in room.entries if e.kind in ("verified", "closed")]
    assert sentence(verified) == f"worse. {HEAT}"
    text = report(room.entries)
    assert text.count("The lamp has 120 °C") >= 3
    section = text[text.index("## What got worse") : text.index("## Impact and cause")]
    assert "check_lamp_heat" in section.replace("\\", "")
    assert "| OK | BAD |" in section
    for entry in (verified, closed):
        show_entry(entry)
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count(HEAT) == 2


def test_it_is_told_although_what_was_looked_for_is_mended(room: Room) -> None:
    """Warm is not bad: fixed, and yet somebody should know."""

    def warms(question: Question) -> Answer:
        room.set(heat=70)
        return said(question)

    room.live(warms)
    assert room.verdict == "fixed"
    assert "Got worse: WARN (was OK) The lamp has 70 °C" in room.entry("closed")["says"]


def test_it_says_nothing_where_nothing_got_worse(room: Room) -> None:
    room.set(heat=70)
    room.live(said)
    assert room.entry("verify/ended")["worse"] == []
    assert room.entry("closed")["says"] == "Fixed. Switch the lamp on: applied."
    assert "What got worse" not in report(room.entries)
