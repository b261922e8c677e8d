"""Indexes that are neither finished nor broken: somebody works on them now, or they wait for partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.model import Row
from tasks.postgres.indexes.queries import BUILDS, PARTITIONED_INDEXES
from tasks.postgres.left_out import NAMED
from tasks.postgres.signals import sentence
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, session, span


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """What is under way, and for each index of a partitioned table the partitions that it lacks."""

    builds: Sequence[Row]
    parts: Sequence[Row]

    @property
    def broken(self) -> list[str]:
        """The partitions' indexes that are attached and do not work."""
        return [str(row["attached_ident"]) for row in self.parts if row["attached_ident"] and not row["works"]]

    @property
    def says(self) -> str:
        """In sentences; empty if there is nothing of the kind."""
        indexes = dict.fromkeys(str(row["ident"]) for row in self.parts)
        told = [_incomplete(ident, [row for row in self.parts if row["ident"] == ident]) for ident in indexes]
        return " ".join([*map(_under_way, self.builds), *told])

    @property
    def by_hand(self) -> str:
        """The lines that complete what lacks partitions, one for each of them."""
        return "\n".join(str(row["line"]) for row in self.parts)


def unfinished(postgres: PostgresServer) -> Unfinished:
    """What is not finished now.

    Raises:
        CannotLook, Refused: no answer.
    """
    return Unfinished(builds=postgres.rows(BUILDS), parts=postgres.rows(PARTITIONED_INDEXES))


def _under_way(row: Row) -> str:
    which = f" ({row['indexes']})" if row["indexes"] else ""
    far = f", {number(row['of_phase']):.0%} of it" if row["of_phase"] is not None else ""
    waits = f", now for pid {row['waits_for']} ({row['waits_for_name']})" if row["waits_for"] else ""
    return (
        f"{sentence(session(row))} is at {row['command']} on {row['table_ident']}{which} for "
        f"{span(number(row['for_s']))}: {row['phase']}{far}{waits}."
    )


def _incomplete(ident: str, parts: Sequence[Row]) -> str:
    of = f"The index {ident} of the partitioned {parts[0]['table_ident']}"
    lacking = [str(row["part_ident"]) for row in parts if not row["works"]]
    if not lacking:
        return f"{of} has all its partitions, and Postgres has not seen it yet."
    more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
    return f"{of} lacks {count(len(lacking), 'partition')}: {', '.join(lacking[:NAMED])}{more}."
