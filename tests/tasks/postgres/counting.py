"""Questions that count from look to look, asked again until what happened has arrived."""

from __future__ import annotations

from typing import Any

from tasks.check import Check
from tasks.model import Earlier, Finding, Threshold
from tasks.postgres.values import number
from tests.tasks.postgres.conftest import Stage, until

MIB = 2**20

ONE = Threshold(warn=1, bad=2, because="Owner: this test.")


def ask(stage: Stage, asked: Check[Any], earlier: Finding | None = None, **given: object) -> Finding:
    if earlier is not None:
        given["earlier"] = Earlier(at_s=0, value=0, facts=earlier.facts)
    return asked.fn(stage.door(), **given)


def counted(stage: Stage, asked: Check[Any], first: Finding, name: str, least: float) -> float:
    """What the check counted since `first`, once all of it has arrived: servers report with a delay."""

    def more() -> float:
        return number(ask(stage, asked, first).facts[name]) - number(first.facts[name])

    until(lambda: more() >= least, f"{name} grows by {least:,.0f}")
    return more()


def counting_began(stage: Stage, *, by_reset: bool = False) -> str:
    """How its counters began, as this version of the server lets one say it."""
    if int(str(stage.admin("SELECT current_setting('server_version_num')::int / 10000")[0][0])) < 15:
        return "the database was made, the server crashed, or the counters were reset"
    return "the counters were reset" if by_reset else "the server was made, restored, or crashed"
