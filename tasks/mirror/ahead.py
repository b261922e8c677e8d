"""What the changes of a table carry with them in the store that follows: rows of other tables, and triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.mirror.changes import Change, Verb
from tasks.mirror.compare import KEYS_A_LOOK
from tasks.mirror.queries import COUNT, PLACES, UNDRAWABLE
from tasks.mirror.shape import Key, Shape, key_of, keys_json
from tasks.model import Refused, Risk, Row
from tasks.postgres.along import Fate, Followed, Start, Trigger, amounts, fires, follow, holding, triggers
from tasks.postgres.queries import FOLLOWERS
from tasks.postgres.session import Session

# Of rows that cannot go, so many are named.
HELD_SAID = 3
# Nobody can change them, or let another row point at them, until we are done.
HOLD = " FOR UPDATE OF t"


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """What was seen ahead of some changes. `held` tells why others cannot be made; `there` is how many rows the tables
    have that follow.
    """

    followed: Followed[Key]
    held: Mapping[Key, str]
    fires: Sequence[tuple[Trigger, int]]
    there: int

    @property
    def rows(self) -> int:
        """Rows of other tables, or further ones of the same, that go or change along."""
        return sum(rows for (_, fate), rows in self.followed.total.items() if fate is not Fate.ORPHANED)

    @property
    def says(self) -> list[str]:
        total = self.followed.total
        along = [f"Along with that, over foreign keys: {amounts(total)}."] if total else []
        return [*along, *([fires(self.fires)] if self.fires else [])]

    def risk(self, alone: Risk) -> Risk:
        """Rows of other tables are lost for good; what a trigger does, nobody has seen."""
        if self.followed.total:
            return Risk.HIGH
        return max(alone, Risk.MODERATE) if self.fires else alone

    def evidence(self, table: str, store: str) -> list[Row]:
        return [
            {"table": table, "key": "", "field": f"trigger {one.name}", f"in {store}": f"runs {one.runs} {one.when}"}
            for one, _ in self.fires
        ]


NOTHING_AHEAD = Ahead(followed=Followed(), held={}, fires=(), there=0)


def look_ahead(session: Session, shape: Shape, changes: Sequence[Change], *, hold: bool = False) -> Followed[Key]:
    """What follows these changes over foreign keys, in `session`, of the role that acts.

    Raises:
        Refused: more than anybody would approve, or more than the role may see; CannotLook: no answer.
    """
    places: dict[Key, Row] = {}
    written = [change for change in changes if change.verb is not Verb.INSERT]
    query = shape.sql(PLACES) + (HOLD if hold else "")
    for n in range(0, len(written), KEYS_A_LOOK):
        keys = keys_json([change.key for change in written[n : n + KEYS_A_LOOK]])
        places |= {key_of(row): row for row in session.run(query, keys=keys)}
    return follow(
        session,
        [
            Start(
                who=change.key,
                table=int(str(places[change.key]["table"])),
                place=str(places[change.key]["place"]),
                changed=None if change.verb is Verb.DELETE else frozenset(change.fields),
            )
            for change in written
            if change.key in places
        ],
    )


def seen_ahead(
    session: Session, shape: Shape, changes: Sequence[Change], unfit: Mapping[Key, str]
) -> tuple[list[Change], Ahead]:
    """Those of the changes that fit and the store's foreign keys allow, and what they carry with them.

    Raises:
        Refused, CannotLook: as look_ahead.
    """
    held = dict(unfit)
    possible = [change for change in changes if change.key not in held]
    followed = look_ahead(session, shape, possible)
    # A row that has to stay may hold others.
    while followed.held:
        held |= {key: holding(found) for key, found in followed.held.items()}
        possible = [change for change in possible if change.key not in held]
        followed = look_ahead(session, shape, possible)
    if any(change.verb is Verb.INSERT for change in possible):
        _refuse_undrawable(session, shape)
    there = sum(
        int(str(session.run(COUNT.format(relation=table.replace("%", "%%")))[0]["rows"]))
        for table in sorted({table for table, _ in followed.total} - {shape.relation})
    )
    return possible, Ahead(followed=followed, held=held, fires=_fires(session, shape, possible, followed), there=there)


def refuse_followers(session: Session, shape: Shape) -> None:
    """Of rows that were counted without being read, nobody knows what hangs on them.

    Raises:
        Refused: rows of other tables point at rows of this one; CannotLook: no answer.
    """
    oid = session.run("SELECT %(table)s::regclass::oid::bigint AS oid", table=shape.relation)[0]["oid"]
    if keys := session.run(FOLLOWERS, table=oid):
        raise Refused(
            f"So many rows of {shape.relation} differ that not all were read, and rows of {keys[0]['child']} "
            f"({keys[0]['name']}) may go or change with them: nobody could say how many.",
            remedy=f"Bring {shape.relation} nearer by hand first, or delete what {shape.store} has too many.",
        )


def _refuse_undrawable(session: Session, shape: Shape) -> None:
    written = [column.name for column in shape.columns]
    if found := session.run(UNDRAWABLE, table=shape.relation, written=written):
        raise Refused(
            f"{found[0]['user']} may not draw from {found[0]['sequence']} in {shape.store}, which numbers new rows of "
            f"{shape.relation}.",
            remedy="\n".join(str(row["grant_draw"]) for row in found),
        )


def staying(shape: Shape, held: Mapping[Key, str]) -> list[str]:
    """Why rows are left as they are."""
    said = [
        f"The row {', '.join(map(str, key))} of {shape.relation} stays as it is: {why}."
        for key, why in list(held.items())[:HELD_SAID]
    ]
    more = len(held) - len(said)
    return [*said, *([f"So do {more:,} more."] if more else [])]


def _fires(
    session: Session, shape: Shape, changes: Sequence[Change], followed: Followed[Key]
) -> list[tuple[Trigger, int]]:
    """What fires for the table itself, then for the tables that follow, each with the number of its rows."""
    found: list[tuple[Trigger, int]] = []
    for verb in Verb:
        if rows := sum(change.verb is verb for change in changes):
            found += [(one, rows) for one in triggers(session, shape.relation, verb, shape.assigned)]
    for table, columns in sorted(followed.written, key=str):
        event, fate = ("delete", Fate.DELETED) if columns is None else ("update", Fate.CHANGED)
        rows = followed.total[table, fate]
        found += [(one, rows) for one in triggers(session, table, event, columns or ())]
    return list(dict.fromkeys(found))
