"""Entries as a person follows them."""

from __future__ import annotations

import pytest

from deployments.commands.entries import Teller
from flows.case.bodies import found_by
from flows.journal import Entry
from flows.journal.chain import GENESIS, chained
from tasks.model import Finding, Verdict

DEAD = Finding.unknown("mine has no host configured.", remedy="Add to environments.toml: …")
WELL = Finding(verdict=Verdict.OK, says="It is light.")


def test_it_says_once_what_several_questions_could_not_see(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller()
    for n, finding in enumerate([DEAD, DEAD, Finding.unknown("mine does not answer."), DEAD, WELL, WELL]):
        teller.show(entry(n, finding))
    shown = capsys.readouterr().out
    assert (shown.count(DEAD.says), shown.count(DEAD.remedy)) == (1, 1)
    assert (shown.count("mine does not answer."), shown.count("It is light.")) == (1, 2)


def entry(n: int, finding: Finding) -> Entry:
    told, at = found_by(finding), "2026-11-21T02:00:00.000000Z"
    key = f"diagnosis/{n}"
    return chained(
        incident="i", seq=n + 1, at=at, actor="engine", kind=told.kind, key=key, body=told.body(), prev=GENESIS
    )
