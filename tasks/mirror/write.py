"""Bring rows of one store to what the source of truth holds: in one transaction, and each only as it was seen.

Values go from store to store through this process; no plan and no record holds them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.mirror.ahead import look_ahead
from tasks.mirror.changes import Change, Verb, target_of
from tasks.mirror.compare import KEYS_A_LOOK, Sick, look_at
from tasks.mirror.queries import DELETE, INSERT, ROWS_BY_KEY, TABLE, UPDATE, VALUES_BY_KEY
from tasks.mirror.shape import Key, Pair, Shape, key_of, keys_json, pair_of
from tasks.mirror.stores import Table
from tasks.mirror.system import Mirror
from tasks.model import Json, Refused, Row
from tasks.postgres.along import Amounts, written_since
from tasks.postgres.session import Session

AS_SEEN = "changed since it was seen: not touched"
MORE_ALONG = "more would go along than was approved: not touched"
SOURCE_MOVED = "changed in the source of truth since it was seen: not touched"


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of each change; and, as the server counts, by table and 'inserted' …, which rows besides those."""

    fates: dict[Key, str]
    beyond: Counter[tuple[str, str]]


def refuse_unwritable(mirror: Mirror, pair: Pair) -> None:
    """Nobody should approve what cannot be done.

    Raises:
        Refused: the acting role may not write or see all of it, it is no plain table, or nothing keeps its key unique.
    """
    table, target = pair.table, target_of(pair.table)
    store, shape = mirror.store(target), pair.shape(target)
    row = store.rows_as_actor(TABLE, schema=table.schema_name, table=table.name, key=list(table.key))[0]
    if not row["writable"]:
        raise Refused(
            f"{table.title} in {store.name} is no plain table: a view or a rule may do something else than is written."
        )
    if row["read_only"]:
        raise Refused(
            f"{store.name} takes no writes: it is a standby, or its transactions only read.",
            remedy=f"Point action_url of {store.name} at the primary.",
        )
    if not row["may_write"]:
        raise Refused(f"{row['user']} may not write {table.title} in {store.name}.", remedy=str(row["grant_write"]))
    if row["filtered"]:
        raise Refused(
            f"Row security of {table.title} in {store.name} would hide rows from {row['user']}, which writes them.",
            remedy=str(row["grant_sight"]),
        )
    if not shape.key_is_unique:
        raise Refused(
            f"Nothing keeps {', '.join(table.key)} unique in {table.title} of {store.name}: a row could come in twice.",
            remedy=shape.make_unique,
        )


def write(mirror: Mirror, table: Table, changes: Sequence[Change], *, together: Amounts | None = None) -> Written:
    """Make these changes, all in one transaction.

    A row that is not any more as it was seen, in either store, is left alone; so is one that would take more of other
    tables with it than its `along` says, or than `together` does of all.

    Raises:
        Refused: the target would not hold what the source holds, or refuses a row; nothing was changed.
        CannotLook: no answer; then it may or may not have happened.
    """
    target = target_of(table)
    with mirror.reading() as both:
        pair = pair_of(both, table)
        values = _values(both.session(table.source_of_truth), pair.shape(table.source_of_truth), changes)
    shape = pair.shape(target)
    ready = [change for change in changes if change.verb is Verb.DELETE or change.key in values]
    with mirror.store(target).changing() as session:
        more = _more_along(session, shape, ready, together)
        meant = [change for change in ready if change.key not in more]
        counted = written_since(session)
        done = _written(session, shape, meant, values)
        _refuse_unfaithful(session, shape, meant, done)
        beyond = written_since(session, counted) - Counter(
            (shape.relation, change.verb.done) for change in meant if change.key in done
        )
    fates = {change.key: change.verb.done if change.key in done else AS_SEEN for change in ready}
    fates |= dict.fromkeys(more, MORE_ALONG)
    return Written(fates={change.key: fates.get(change.key, SOURCE_MOVED) for change in changes}, beyond=beyond)


def _more_along(session: Session, target: Shape, changes: Sequence[Change], together: Amounts | None) -> set[Key]:
    """The keys of the rows that would take more with them than was approved; the others stay as they are until then."""
    followed = look_ahead(session, target, changes, hold=True)
    if together is not None:
        return set(followed.held) if followed.total <= together else {change.key for change in changes}
    beyond = {c.key for c in changes if not followed.along.get(c.key, Counter()) <= c.along}
    return beyond | set(followed.held)


def standing(mirror: Mirror, table: Table, changes: Sequence[Change]) -> dict[Key, Sick]:
    """How the rows stand now in both stores.

    Raises:
        CannotLook, Refused: no answer.
    """
    found: dict[Key, Sick] = {}
    with mirror.reading() as both:
        pair = pair_of(both, table)
        for n in range(0, len(changes), KEYS_A_LOOK):
            found |= look_at(both, pair, [change.key for change in changes[n : n + KEYS_A_LOOK]])
    return found


def _values(session: Session, source: Shape, changes: Sequence[Change]) -> dict[Key, Json]:
    """The source's rows as texts, those that still are as they were seen."""
    wanted = {change.key: change.wanted for change in changes if change.wanted is not None}
    keys = list(wanted)
    rows: list[Row] = []
    for n in range(0, len(keys), KEYS_A_LOOK):
        rows += session.run(source.sql(VALUES_BY_KEY), keys=keys_json(keys[n : n + KEYS_A_LOOK]))
    return {key_of(row): row["plain"] for row in rows if wanted[key_of(row)] == row["hash"]}


def _written(session: Session, target: Shape, changes: Sequence[Change], values: Mapping[Key, Json]) -> set[Key]:
    """The keys of the rows that were changed. First those that go: their unique values may be wanted by others."""
    done: set[Key] = set()
    for verb, query in ((Verb.DELETE, DELETE), (Verb.UPDATE, UPDATE), (Verb.INSERT, INSERT)):
        rows = [
            {"key": change.key, "seen": change.seen, "values": values.get(change.key)}
            for change in changes
            if change.verb is verb
        ]
        for n in range(0, len(rows), KEYS_A_LOOK):
            found = session.run(target.sql(query), rows=json.dumps(rows[n : n + KEYS_A_LOOK]))
            done |= {key_of(row) for row in found}
    return done


def _refuse_unfaithful(session: Session, target: Shape, changes: Sequence[Change], done: set[Key]) -> None:
    """A trigger, a shorter type or a computed column may have made something else of a row.

    Raises:
        Refused: a written row is not what the source holds; the transaction is undone.
    """
    wanted = {change.key: change.wanted for change in changes if change.key in done}
    keys = list(wanted)
    now: dict[Key, str] = {}
    for n in range(0, len(keys), KEYS_A_LOOK):
        found = session.run(target.sql(ROWS_BY_KEY), keys=keys_json(keys[n : n + KEYS_A_LOOK]))
        now |= {key_of(row): str(row["hash"]) for row in found}
    if wrong := [key for key in keys if now.get(key) != wanted[key]]:
        raise Refused(
            f"{target.store} makes something else of {len(wrong)} of {len(keys)} rows of {target.relation} than what "
            "was written (a trigger, a rule, a shorter type?). Nothing was changed.",
            remedy=f"Compare the definitions of {target.relation} in both stores.",
        )
