"""Counters that only grow: by how much since the last look, and has it been so for long?

Counted since the server's start they still show last month, and hide what began a minute ago.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.model import Earlier, Row, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import HOUR_S

# A backup, an import, a report: what passes by itself within this is no incident.
SUSTAINED_S = 1800.0
# Two looks in quick succession would turn one burst into a torrent.
SHORTEST_LOOK_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Grown:
    """What the counters grew by, and in which time."""

    over_s: float
    more: Mapping[str, float]

    def per_hour(self, name: str) -> float:
        return self.more[name] / max(self.over_s, SHORTEST_LOOK_S) * HOUR_S


def remembered(postgres: PostgresServer, now: Row, names: Sequence[str]) -> dict[str, float | str]:
    """The facts the next look needs of this one. `now` has `at_s` and `counting`, which names the count's beginning."""
    numbers = {name: number(now[name]) for name in (*names, "at_s")}
    return {"server": postgres.address, "counting": str(now["counting"]), **numbers}


def same_count(postgres: PostgresServer, now: Row, earlier: Earlier | None) -> Row:
    """The last look's facts, if the counters ran through since then; otherwise nothing.

    They did not after a reset, a crash or a failover, nor if somebody points the same name at another server.
    """
    before: Row = earlier.facts if earlier else {}
    same = before.get("server") == postgres.address and before.get("counting") == now["counting"]
    return before if same else {}


def grown(postgres: PostgresServer, now: Row, names: Sequence[str], earlier: Earlier | None) -> Grown | None:
    """What was counted since the last look. None: there is none to compare with."""
    before = same_count(postgres, now, earlier)
    over_s = number(now["at_s"]) - number(before.get("at_s"))
    more = {name: number(now[name]) - number(before.get(name)) for name in names}
    if not before or over_s <= 0 or min(more.values()) < 0:
        return None
    return Grown(over_s=over_s, more=more)


def sustained(verdict: Verdict, at_s: float, over_s: float, before: Row) -> tuple[Verdict, float | None]:
    """`verdict`, but WARN until it has been BAD in every look for half an hour; and since when it is BAD.

    `before` are the last look's facts; what is returned second belongs there as `bad_since_s`.
    """
    if verdict is not Verdict.BAD:
        return verdict, None
    told = before.get("bad_since_s")
    since_s = number(told) if told is not None else at_s - over_s
    return (Verdict.BAD if at_s - since_s >= SUSTAINED_S else Verdict.WARN), since_s
