"""The post-mortem draft: what a team pastes into its own document the morning after."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from flows.journal import Entry
from flows.told.report import report
from tests.flows.hostile import HOSTILE, OURS, seen, tags

STEP = "step/end-the-session"


def journal(text: str = "It hangs.") -> list[Entry]:
    """One incident from open to closed; whatever came from outside is `text`."""
    plan = {"commands": [{"line": text, "target": {"pid": 7}}], "does": text}
    asked: dict[str, Any] = {"title": "End the session", "plan": plan, "digest": "abcdef0123456789"}
    opened = {"runbook": "database/blocked-sessions", "version": "91d7", "title": "Sessions wait", "problem": text}
    finding = {"says": text, "remedy": text}
    return list(
        _entries(
            (0, "opened", "opened", {**opened, "environment": "lab", "severity": "P1", "reason": text}),
            (0.4, "finding", "diagnosis/check_one", {**finding, "verdict": "OK"}),
            (1, "finding", "diagnosis/check_two", {**finding, "verdict": "BAD"}),
            (2, "asked", f"{STEP}/ask/1/asked", asked),
            (62, "answered", f"{STEP}/ask/1/answered", {"decision": "approve", "name": "zoe", "note": text}),
            (63, "intent", f"{STEP}/intent/1", {"title": "End the session", "plan": plan}),
            (65, "outcome", f"{STEP}/outcome", {"says": text}),
            (65, "step", f"{STEP}/closed", {"title": "End the session", "fate": "applied", "says": text}),
            (
                65,
                "manual",
                "step/candle/manual",
                {"title": "Keep a candle", "how": "Buy one:\n\n    buy <candle>\n\nLight it."},
            ),
            (305, "verified", "verify/ended", {"ending": "fixed"}),
            (305, "closed", "closed", {"verdict": "fixed", "says": text}),
        )
    )


def _entries(*told: tuple[float, str, str, dict[str, Any]]) -> Any:
    for seq, (at, kind, key, body) in zip(itertools.count(1), told, strict=False):
        moment = f"2026-11-21T03:{int(at) // 60:02}:{at % 60:09.6f}Z"
        actor = "zoe" if kind == "answered" else "incident-pipelines"
        yield Entry(
            incident="0" * 8, seq=seq, at=moment, actor=actor, kind=kind, key=key, body=body, prev="", hash=f"hash{seq}"
        )


def test_it_says_how_long_each_stage_took() -> None:
    assert """\
## How long it took

Time to diagnose 2.0 s, to decide 60 s, to fix 3.0 s, to verify 4 min.

| until | at (UTC) | took | in all |
| --- | --- | --- | --- |
| opened | 03:00:00 |  |  |
| diagnosed | 03:00:01 | 1.0 s | 1.0 s |
| asked: End the session | 03:00:02 | 1.0 s | 2.0 s |
| answered: End the session | 03:01:02 | 60 s | 62 s |
| applied: End the session | 03:01:05 | 3.0 s | 65 s |
| verified | 03:05:05 | 4 min | 5 min |
""" in report(journal())


def test_it_can_be_written_while_the_incident_is_open() -> None:
    told = report(journal()[:3])
    assert told.startswith("# Sessions wait in lab: still open")
    assert "Nobody was asked." in told
    assert "Nothing." in told


def test_it_names_who_decided_what_and_what_was_run() -> None:
    told = report(journal("SELECT 1;"))
    assert "| End the session | approve | zoe | 03:01:02 | abcdef012345 |" in told
    assert "**End the session** (03:01:03 UTC)\n\n```sql\nSELECT 1;\n```" in told


def test_it_keeps_the_code_of_an_instruction_within_its_item() -> None:
    told = report(journal())
    assert "- [ ] **Keep a candle**: Buy one:\n\n      buy <candle>\n" in told
    assert "buy <candle>" in seen(told)


def test_it_tells_the_findings_in_the_order_of_their_questions() -> None:
    """As they were declared when it was opened. What an older release opened does not say: then as they came."""
    opened, *rest = journal()
    asked = {**opened.body, "checks": ["check_two", "check_one"]}
    came, declared = report([opened, *rest]), report([replace(opened, body=asked), *rest])
    assert came.index("| check_one |") < came.index("| check_two |")
    assert declared.index("| check_two |") < declared.index("| check_one |")


def test_it_leaves_room_for_what_only_people_know() -> None:
    assert "who noticed it, for how long, and what made it possible" in report(journal())


@pytest.mark.parametrize("text", HOSTILE)
def test_it_gives_no_element_to_text_from_outside(text: str) -> None:
    found, harmless = tags(report(journal(text))), tags(report(journal("harmless")))
    assert [tag for tag in found if tag != "code"] == [tag for tag in harmless if tag != "code"]
    assert set(found) <= OURS


@pytest.mark.parametrize("text", HOSTILE)
def test_it_shows_no_character_that_steers_a_terminal(text: str) -> None:
    assert all(character.isprintable() or character == "\n" for character in report(journal(text)))


def test_it_stays_readable_with_a_megabyte_everywhere() -> None:
    told = report(journal("Ünglück | ` " * 100_000))
    assert len(told) < 100_000
    assert "## Timeline" in told


def test_it_keeps_every_entry_of_a_long_incident_in_the_timeline() -> None:
    told = report(
        [*journal(), *_entries(*[(0, "seen again", f"seen-again/{n}", {"says": f"n{n}."}) for n in range(99)])]
    )
    assert "seen again: n98." in told


def test_it_shows_how_the_numbers_went_before() -> None:
    told = report(journal(), {"check_two": "▁▁·█ 1 s to 40 s"})
    head = "Thirty days until the end:\n\n"
    line = "- `check_two`: ▁▁·█ 1 s to 40 s; `incident trend check_two --environment lab`\n\n## Decisions"
    assert head + line in told
    assert "Thirty days" not in report(journal())
