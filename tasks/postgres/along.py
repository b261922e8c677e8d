"""What else happens when rows are written: rows of other tables go or change along with them, and triggers fire.

Foreign keys are followed as the server would: ON DELETE and ON UPDATE, from table to table, in every schema, round
circles. What triggers do is their own, and is not followed.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from tasks.model import Json, Refused, Row
from tasks.postgres.queries import FOLLOW, FOLLOWERS, TRIGGERS, WRITTEN_HERE
from tasks.postgres.session import Session
from tasks.postgres.words import count

# Beyond this it is no repair any more, and every one of them is held in memory here.
MOST_ROWS = 100_000
# Triggers named in a sentence.
SAID = 5

Who = TypeVar("Who", bound=Hashable)
_NONE: frozenset[str] = frozenset()


class Fate(enum.StrEnum):
    """What becomes of a row that points at one which goes or changes."""

    DELETED = "deleted"
    CHANGED = "changed"
    # Its foreign key forbids it, and the server would refuse all of it.
    HOLDS = "in the way"
    # Its foreign key is switched off for us: it will point at nothing.
    ORPHANED = "left pointing at nothing"


# By table, as 'schema.name', and what becomes of its rows; of those that hold, by table and foreign key.
Amounts = Counter[tuple[str, Fate]]


@dataclass(frozen=True, kw_only=True)
class Start(Generic[Who]):
    """A row that will be written. `table` is the oid it lies in; `changed` the columns; None: it is deleted."""

    who: Who
    table: int
    place: str
    changed: frozenset[str] | None = None


@dataclass(kw_only=True)
class Followed(Generic[Who]):
    """What follows, each row counted once, for the first of the starts that leads to it."""

    along: dict[Who, Amounts] = field(default_factory=dict)
    held: dict[Who, Amounts] = field(default_factory=dict)
    # The columns that are changed, by table; None: rows of it are deleted.
    written: set[tuple[str, frozenset[str] | None]] = field(default_factory=set)

    @property
    def total(self) -> Amounts:
        return sum(self.along.values(), Counter())


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A trigger, or a rule, that fires when rows of a table are written."""

    name: str
    on: str
    runs: str
    when: str
    each_row: bool
    is_rule: bool = False

    def times(self, rows: int) -> str:
        return f"{count(rows, 'time')}" if self.each_row else "once for each statement"


def triggers(session: Session, table: str, event: str, columns: Iterable[str] = ()) -> list[Trigger]:
    """What fires when rows of `table` ('schema.name') meet `event` (insert, update, delete) as this session's role.

    `columns` are those an UPDATE writes.

    Raises:
        CannotLook, Refused: no answer.
    """
    done = {"insert": "inserted", "update": "updated", "delete": "deleted"}[event]
    return [
        Trigger(
            name=str(row["name"]),
            on=str(row["on"]),
            runs=str(row["runs"]),
            when=f"{row['moment']} {'each row is' if row['each_row'] else 'rows are'} {done}"
            + (", where its condition holds" if row["conditional"] else ""),
            each_row=bool(row["each_row"]),
            is_rule=bool(row["is_rule"]),
        )
        for row in session.run(TRIGGERS, table=table, event=event, columns=list(columns))
    ]


def follow(session: Session, starts: Sequence[Start[Who]]) -> Followed[Who]:
    """Everything that follows over foreign keys when these rows are written, in this session's moment.

    Raises:
        Refused: more than MOST_ROWS, or a table whose rows this role may not see; the remedy is the line to type.
        CannotLook: no answer.
    """
    return _Walk(session, starts).ended()


def written_since(session: Session, before: Counter[tuple[str, str]] | None = None) -> Counter[tuple[str, str]]:
    """How many rows this session has written since `before`, by table ('schema.name') and 'inserted', 'updated' or
    'deleted': what followed, and what triggers did in this database, included. Empty where the server does not count.
    """
    done = ("inserted", "updated", "deleted")
    now = {(str(row["table"]), what): int(str(row[what])) for row in session.run(WRITTEN_HERE) for what in done}
    return Counter(now) - (before or Counter())


class _Walk(Generic[Who]):
    """From the rows that are written to those that point at them, wave by wave."""

    def __init__(self, session: Session, starts: Sequence[Start[Who]]) -> None:
        self._session = session
        self._keys: dict[int, list[Row]] = {}
        self._gone = {(start.table, start.place) for start in starts if start.changed is None}
        self._changed: dict[tuple[int, str], frozenset[str]] = {}
        self._found: dict[tuple[int, str], tuple[Who, str, Fate]] = {}
        # Rows that hold, until they are found to go themselves.
        self._holding: dict[tuple[int, str, str], Who] = {}
        self._followed: Followed[Who] = Followed()
        self._wave: list[Start[Who]] = list(starts)

    def ended(self) -> Followed[Who]:
        while self._wave:
            groups: dict[tuple[int, frozenset[str] | None], dict[str, Who]] = {}
            for start in self._wave:
                groups.setdefault((start.table, start.changed), {}).setdefault(start.place, start.who)
            self._wave = []
            for (table, changed), rows in groups.items():
                for key in self._keys_of(table):
                    self._over(key, table, changed, rows)
        for who, name, fate in self._found.values():
            self._followed.along.setdefault(who, Counter())[name, fate] += 1
        for (table, place, said), who in self._holding.items():
            if (table, place) not in self._gone:
                self._followed.held.setdefault(who, Counter())[said, Fate.HOLDS] += 1
        return self._followed

    def _keys_of(self, table: int) -> list[Row]:
        if table not in self._keys:
            self._keys[table] = self._session.run(FOLLOWERS, table=table)
        return self._keys[table]

    def _over(self, key: Row, table: int, changed: frozenset[str] | None, rows: Mapping[str, Who]) -> None:
        """The rows that point over this foreign key at rows of the wave."""
        if changed is not None and changed.isdisjoint(cast(list[str], key["parent_names"])):
            return
        if not key["readable"]:
            raise Refused(
                f"Rows of {key['child']} point at rows that would be written ({key['name']}), and {key['user']} may "
                "not see how many.",
                remedy=str(key["grant_read"]),
            )
        fate, columns = _fate(key, changed)
        names = {name: str(key[name]).replace("%", "%%") for name in ("parent_rows", "child_rows", "same")}
        found = self._session.run(FOLLOW.format(**names), table=table, places=list(rows), most=MOST_ROWS + 1)
        for row in found:
            self._meets(key, fate, columns, rows[str(row["pointed_at"])], (int(str(row["table"])), str(row["place"])))

    def _meets(self, key: Row, fate: Fate, columns: frozenset[str] | None, who: Who, at: tuple[int, str]) -> None:
        child = str(key["child"])
        if fate is Fate.HOLDS:
            self._holding.setdefault((*at, f"{child} ({key['name']})"), who)
            return
        if at in self._gone or (fate is Fate.CHANGED and columns <= self._changed.get(at, _NONE)):  # type: ignore[operator]
            return
        self._found[at] = (self._found[at][0] if at in self._found else who, child, fate)
        if len(self._found) > MOST_ROWS:
            raise Refused(
                f"More than {MOST_ROWS:,} rows of other tables would go or change along, {child} among them.",
                remedy=f"Decide about the rows of {child} by hand first.",
            )
        if fate is Fate.ORPHANED:
            return
        if columns is None:
            self._gone.add(at)
        else:
            self._changed[at] = self._changed.get(at, _NONE) | columns
        self._followed.written.add((child, columns))
        self._wave.append(Start(who=who, table=at[0], place=at[1], changed=columns))


def _fate(key: Row, changed: frozenset[str] | None) -> tuple[Fate, frozenset[str] | None]:
    """What becomes of rows that point over this foreign key, and which of their columns are written; None: they go."""
    action = key["on_delete" if changed is None else "on_update"]
    if not key["enforced"]:
        return Fate.ORPHANED, _NONE
    if action == "c":
        return (
            (Fate.DELETED, None) if changed is None else (Fate.CHANGED, frozenset(cast(list[str], key["child_names"])))
        )
    if action in ("a", "r") or (action == "n" and key["never_null"]):
        return Fate.HOLDS, None
    return Fate.CHANGED, frozenset(cast(list[str], key["set_names" if changed is None else "child_names"]))


def amounts(found: Amounts) -> str:
    """'500 rows of public.orders are deleted, 1 row of public.notes is changed'."""
    return ", ".join(
        f"{count(rows, 'row')} of {table} {'is' if rows == 1 else 'are'} {fate}"
        for (table, fate), rows in sorted(found.items())
    )


def holding(found: Amounts) -> str:
    """'3 rows of public.invoices (invoices_person_fkey) point at it'."""
    return " and ".join(
        f"{count(rows, 'row')} of {said} {'points' if rows == 1 else 'point'} at it"
        for (said, _), rows in sorted(found.items())
    )


def fires(found: Sequence[tuple[Trigger, int]]) -> str:
    """The sentence about triggers, each with the number of rows it fires for; empty where none does."""
    if not found:
        return ""
    said = [f"{one.name} on {one.on} (it runs {one.runs} {one.when}: {one.times(rows)})" for one, rows in found]
    more = f" and {len(said) - SAID} more" if len(said) > SAID else ""
    return f"Triggers fire, and what they do is not known here: {'; '.join(said[:SAID])}{more}."


def besides(counted: Counter[tuple[str, str]]) -> str:
    """' Besides, as the server counts: 500 rows of public.orders deleted.'; empty where there was nothing else."""
    said = [f"{count(rows, 'row')} of {table} {what}" for (table, what), rows in sorted(counted.items())]
    return f" Besides, as the server counts: {', '.join(said)}." if said else ""


def along_rows(counted: Counter[tuple[str, str]]) -> list[Row]:
    """The same as rows of an outcome."""
    return [{"table": table, "rows": rows, "fate": f"{what} along"} for (table, what), rows in sorted(counted.items())]


def along_as_json(found: Amounts) -> Json:
    """To be kept with a plan's command."""
    return [[table, str(fate), rows] for (table, fate), rows in sorted(found.items())]


def along_from(kept: Json) -> Amounts:
    """What was kept so."""
    return Counter({(str(table), Fate(fate)): rows for table, fate, rows in cast(list[tuple[str, str, int]], kept)})
