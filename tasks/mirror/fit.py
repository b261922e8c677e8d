"""Which rows the store that follows would not take, tried in a table of our own that is like its own."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tasks.mirror.changes import Change, Verb, target_of
from tasks.mirror.compare import KEYS_A_LOOK
from tasks.mirror.queries import REHEARSE_INSERT, REHEARSE_UPDATE, ROWS_BY_KEY, VALUES_BY_KEY
from tasks.mirror.shape import Key, Pair, Shape, key_of, keys_json
from tasks.mirror.stores import ALL_ROWS
from tasks.mirror.system import Mirror
from tasks.model import Json, Refused
from tasks.postgres.rehearsal import Clash, Twin, clashes, twin_of
from tasks.postgres.session import Session
from tasks.postgres.words import count

# More rows than this that do not fit are one fault of the table, not of the rows.
MOST_UNFIT = 20

_QUERIES = {Verb.INSERT: REHEARSE_INSERT, Verb.UPDATE: REHEARSE_UPDATE}


def unfit(mirror: Mirror, pair: Pair, changes: Sequence[Change], coming: Collection[str]) -> dict[Key, str]:
    """Why some of the changes cannot be made, by key. `coming` are tables that get rows before this one does.

    Raises:
        Refused: more than MOST_UNFIT of them, with the first one's reason; CannotLook: no answer.
    """
    shape = pair.shape(target_of(pair.table))
    written = [change for change in changes if change.verb is not Verb.DELETE]
    if not written:
        return {}
    store = mirror.store(target_of(pair.table))
    with mirror.reading() as both, store.rehearsal(store.statement_timeout_s) as session:
        session.run(ALL_ROWS)
        twin = twin_of(session, shape.relation, [column.name for column in shape.columns if not column.generated])
        source, values = pair.shape(pair.table.source_of_truth), dict[Key, Json]()
        for n in range(0, len(written), KEYS_A_LOOK):
            keys = keys_json([change.key for change in written[n : n + KEYS_A_LOOK]])
            found = both.session(pair.table.source_of_truth).run(source.sql(VALUES_BY_KEY), keys=keys)
            values |= {key_of(row): row["plain"] for row in found}
        trial = _Trial(session, shape, twin, values)
        told = {change.key: said for change in written if (said := _fixed(shape, change))}
        for verb in _QUERIES:
            trial.put(verb, [c for c in written if c.verb is verb and c.key not in told and c.key in values])
        told |= trial.told
        told |= trial.made_otherwise([c for c in written if c.key not in told and c.key in values])
        told |= _clashing(session, shape, twin, changes, coming)
    _refuse_many(shape, told)
    return told


def refuse_any(shape: Shape, told: Mapping[Key, str]) -> None:
    """Raises: Refused, with the first of the reasons."""
    if told:
        key, why = next(iter(told.items()))
        raise Refused(
            f"{shape.store} would not take {count(len(told), 'row')} of {shape.relation}; the row "
            f"{', '.join(map(str, key))}: {why}.",
            remedy=f"Mend those rows in the source, or compare the definitions of {shape.relation} in both stores.",
        )


def _refuse_many(shape: Shape, told: Mapping[Key, str]) -> None:
    if len(told) > MOST_UNFIT:
        refuse_any(shape, told)


class _Trial:
    """Rows put into a twin; what it did not take is told by key."""

    def __init__(self, session: Session, shape: Shape, twin: Twin, values: Mapping[Key, Json]) -> None:
        self._session, self._shape, self._twin, self._values = session, shape, twin, values
        self.told: dict[Key, str] = {}

    def put(self, verb: Verb, changes: Sequence[Change]) -> None:
        for n in range(0, len(changes), KEYS_A_LOOK):
            self._halve(verb, changes[n : n + KEYS_A_LOOK])

    def made_otherwise(self, changes: Sequence[Change]) -> dict[Key, str]:
        """Rows that the twin took and does not hold as the source does."""
        like = replace(self._shape, relation=self._twin.ident.replace("%%", "%"))
        now: dict[Key, str] = {}
        for n in range(0, len(changes), KEYS_A_LOOK):
            keys = keys_json([change.key for change in changes[n : n + KEYS_A_LOOK]])
            now |= {key_of(row): str(row["hash"]) for row in self._session.run(like.sql(ROWS_BY_KEY), keys=keys)}
        return {
            c.key: f"{self._shape.store} would make something else of it (a shorter type, or a computed column)"
            for c in changes
            if now.get(c.key) != c.wanted
        }

    def _halve(self, verb: Verb, changes: Sequence[Change]) -> None:
        """Put them all, or else find those that are not taken."""
        rows = [{"key": change.key, "values": self._values[change.key]} for change in changes]
        self._session.run("SAVEPOINT trial")
        try:
            self._session.run(self._shape.sql(_QUERIES[verb], twin=self._twin.ident), rows=json.dumps(rows))
        except Refused as error:
            self._session.run("ROLLBACK TO SAVEPOINT trial")
            if len(changes) == 1:
                self.told[changes[0].key] = error.says.removesuffix(".")
                return _refuse_many(self._shape, self.told)
            for half in (changes[: len(changes) // 2], changes[len(changes) // 2 :]):
                self._halve(verb, half)


def _fixed(shape: Shape, change: Change) -> str:
    """An identity that is GENERATED ALWAYS can be given to a new row only."""
    fixed = [column.name for column in shape.compared if column.always and column.name in change.fields]
    if change.verb is not Verb.UPDATE or not fixed:
        return ""
    return (
        f"its {fixed[0]} differs, which is GENERATED ALWAYS AS IDENTITY and takes no UPDATE. If each store may number "
        f"its own rows, add {fixed[0]!r} to `ignore`; otherwise ALTER TABLE {shape.relation} ALTER COLUMN "
        f"{next(c.quoted for c in shape.compared if c.name == fixed[0])} SET GENERATED BY DEFAULT"
    )


def _clashing(
    session: Session, shape: Shape, twin: Twin, changes: Sequence[Change], coming: Collection[str]
) -> dict[Key, str]:
    verbs = {change.key: change.verb for change in changes}
    found = clashes(session, twin, shape.key_sql, replaces=True, also={shape.relation: [twin]}, coming=coming)
    return {clash.key: clash.why for clash in found if not _gives_way(clash, verbs)}


def _gives_way(clash: Clash, verbs: Mapping[Key, Verb]) -> bool:
    """Is the row in the way gone, or another one, by the time it counts? Deletes come first, inserts last."""
    other = verbs.get(clash.other) if clash.other and clash.stands else None
    if other is Verb.UPDATE:
        return clash.late or verbs[clash.key] is Verb.INSERT
    return other is Verb.DELETE
