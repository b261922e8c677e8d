"""Change exactly the rows that were shown, each only while it holds what was seen; and put back exactly what it held.

A plan has a command for each row: its key, the old values and the new ones. All of a plan is one transaction.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tasks.action import Action
from tasks.application.queries import REWRITE, STANDING, WRITABLE
from tasks.application.system import ApplicationDatabase
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.along import Trigger, along_rows, besides, fires, triggers, written_since
from tasks.postgres.refusals import quoted
from tasks.postgres.session import Session
from tasks.postgres.values import number
from tasks.postgres.words import count

# The record keeps a line for each row of a plan.
MOST_ROWS = 5000
# In one statement.
ROWS_A_STATEMENT = 500
MOVED = "holds something else by now: not touched"
DONE = "changed"

Values = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One row of the part `part`, found by its key: what it holds and what it will, as texts, by field."""

    part: str
    key: str
    was: Values
    to: Values

    @property
    def target(self) -> Row:
        return {"part": self.part, "key": self.key, "was": dict(self.was), "to": dict(self.to)}

    @property
    def back(self) -> Change:
        return Change(part=self.part, key=self.key, was=self.to, to=self.was)


def change_of(target: Row) -> Change:
    """The change that a plan's command stands for."""
    kept: Any = target
    return Change(part=kept["part"], key=kept["key"], was=kept["was"], to=kept["to"])


def planned(
    application: ApplicationDatabase,
    does: str,
    changes: Sequence[Change],
    *,
    noun: str,
    evidence: Sequence[Row] = (),
    risk: Risk = Risk.MODERATE,
) -> Plan:
    """A command for each change; of a part's rows, as many are touched as `noun` says, of all that there are.

    Raises:
        Refused: more than MOST_ROWS, two rows of one key, or a table that the role which acts may not write, or that is
            no plain table. CannotLook: no answer.
    """
    if len(changes) > MOST_ROWS:
        raise Refused(
            f"More than {MOST_ROWS:,} rows would be changed, and each is shown before it is.",
            remedy="Pause the campaign first, then open the runbook again.",
        )
    keys = Counter((one.part, one.key) for one in changes)
    if twice := [f"{part}.id = {key}" for (part, key), times in keys.items() if times > 1]:
        raise Refused(f"{twice[0]} names more than one row: id is not what it is mapped to be.")
    tables = [_table(application, part, rows) for part, rows in _by_part(changes)]
    total = sum(table.estimated for table in tables)
    told = [said for table in tables if (said := fires([(one, table.rows) for one in table.fires]))]
    fires_on = {table.part: table.fires for table in tables}
    return Plan(
        does=" ".join([does, *told]),
        commands=tuple(
            Command(line=_line(application, one), target=_target(one, fires_on[one.part])) for one in changes
        ),
        blast_radius=BlastRadius(touched=len(changes), total=max(total, len(changes)), noun=noun),
        risk=risk,
        loses="Nothing: the old values are kept with the plan, and can be put back.",
        evidence=evidence,
    )


def apply(application: ApplicationDatabase, plan: Plan) -> Outcome:
    """Make the plan's changes, all in one transaction; a row that holds something else by now is left alone.

    Raises:
        Refused: the server makes something else of a row than was written, or more rows would be changed than were
            planned; nothing was. CannotLook: no answer; then it may or may not have happened.
    """
    changes = [change_of(command.target) for command in plan.commands]
    done: set[tuple[str, str]] = set()
    with application.server.transaction() as session:
        as_usual(session)
        before = written_since(session)
        for _, alike in groupby(sorted(changes, key=_shape), key=_shape):
            few = list(alike)
            done |= {(few[0].part, key) for key in _rewritten(session, application, few)}
        beyond = _beyond(session, application, plan, done, before)
    targets = [command.target for command in plan.commands]
    fates = [DONE if (c.part, c.key) in done else MOVED for c in changes]
    rows = [{**target, "fate": fate} for target, fate in zip(targets, fates, strict=True)]
    left = [target for target, fate in zip(targets, fates, strict=True) if fate == MOVED]
    moved = f" {count(len(left), 'row')} held something else by then and {_was(len(left))} left alone." if left else ""
    return Outcome(
        says=f"{count(len(done), 'row')} of {len(changes):,} changed.{moved}{besides(beyond)}",
        complete=not left,
        rows=[*rows, *along_rows(beyond)],
        not_done=left,
    )


def applied(application: ApplicationDatabase, plan: Plan) -> bool:
    """Does a row still hold what was seen? Then not. Rows that hold a third thing are done with, either way.

    Raises:
        CannotLook, Refused: no answer.
    """
    changes = [change_of(command.target) for command in plan.commands]
    now = standing(application, changes)
    held = [(one, now.get((one.part, one.key))) for one in changes]
    return not any(values == one.was for one, values in held) and any(values == one.to for one, values in held)


def standing(application: ApplicationDatabase, changes: Sequence[Change]) -> dict[tuple[str, str], Values]:
    """What the rows hold now, of the fields that are to change; by part and key.

    Raises:
        CannotLook, Refused: no answer.
    """
    found: dict[tuple[str, str], Values] = {}
    for _, alike in groupby(sorted(changes, key=_shape), key=_shape):
        few = list(alike)
        part, key = few[0].part, application.column(f"{few[0].part}.id")[2]
        query = _filled(application, STANDING, few[0])
        for n in range(0, len(few), ROWS_A_STATEMENT):
            keys = json.dumps([{key: one.key} for one in few[n : n + ROWS_A_STATEMENT]])
            for row in application.server.rows(query, rows=keys):
                found[part, str(row["key"])] = _values(row, few[0])
    return found


class PutBack(Action):
    """Give the changed rows their old values again.

    Exactly those that were changed, and of them only those that nobody has changed since.
    """

    undo = NoWayBack(loses="Nothing: the runbook makes the same change again.")
    narrows = True

    def __init__(self, changes: Sequence[Change], noun: str = "rows") -> None:
        """`changes` as they were made."""
        self.changes = [one.back for one in changes]
        self.noun = noun

    def plan(self, application: ApplicationDatabase) -> Plan:
        now = standing(application, self.changes)
        still = [one for one in self.changes if now.get((one.part, one.key)) == one.was]
        others = len(self.changes) - len(still)
        stay = f" {count(others, 'row')} left as {_is(others)}: changed again since." if others else ""
        return planned(application, f"Put {count(len(still), 'row')} back as before.{stay}", still, noun=self.noun)

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)


def undone(plan: Plan) -> PutBack:
    """What takes back what was done of `plan`."""
    return PutBack([change_of(command.target) for command in plan.commands], plan.blast_radius.noun)


def as_usual(session: Session) -> None:
    """A trigger of the application's looks names up where the role that acts does; ours are written out."""
    schemas = ["pg_catalog", *(quoted(one) for one in session.own_schemas() if one != "pg_catalog"), "pg_temp"]
    session.run(f"SET LOCAL search_path = {', '.join(schemas)}".replace("%", "%%"))


def _rewritten(session: Session, application: ApplicationDatabase, changes: Sequence[Change]) -> set[str]:
    """The keys of the rows that were changed.

    Raises:
        Refused: one key changed two rows, or a row holds something else afterwards than was written.
    """
    part = changes[0].part
    query = _filled(application, REWRITE, changes[0])
    wanted = {one.key: one.to for one in changes}
    done: list[str] = []
    for n in range(0, len(changes), ROWS_A_STATEMENT):
        rows = json.dumps([_as_json(application, one) for one in changes[n : n + ROWS_A_STATEMENT]])
        for row in session.run(query, rows=rows):
            key = str(row["key"])
            done.append(key)
            if _values(row, changes[0]) != wanted[key]:
                raise Refused(
                    f"The server makes something else of {part} {key} than was written (a trigger, a shorter type?). "
                    "Nothing was changed."
                )
    if len(set(done)) < len(done):
        raise Refused(f"A key of {part} names more than one row. Nothing was changed.")
    return set(done)


def _beyond(
    session: Session,
    application: ApplicationDatabase,
    plan: Plan,
    done: Collection[tuple[str, str]],
    before: Counter[tuple[str, str]],
) -> Counter[tuple[str, str]]:
    """What else was written, which only triggers can have done.

    Raises:
        Refused: one that the plan does not tell of, or there is none at all. Nothing is committed.
    """
    beyond = written_since(session, before)
    told = {name for command in plan.commands for name in _fired(command.target)}
    for part, rows in _by_part([change_of(command.target) for command in plan.commands]):
        relation = str(_looked_up(session.run, application, part, rows)["relation"])
        beyond -= Counter({(relation, "updated"): sum(one == part for one, _ in done)})
        if new := {one.name for one in _fires(session, application, relation, rows[0])} - told:
            raise Refused(
                f"Triggers fire that the plan did not tell of: {', '.join(sorted(new))}. Nothing was changed.",
                remedy="Plan it again.",
            )
    if beyond and not told:
        more = ", ".join(f"{rows:,} of {table} {what}" for (table, what), rows in sorted(beyond.items()))
        raise Refused(f"More would be changed than was planned: {more}. Nothing was.", remedy="Plan it again.")
    return beyond


def _fired(target: Row) -> list[str]:
    kept: Any = target
    return list(kept.get("fires", []))


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The table in which rows of a part lie that are to change, how many rows it has, and what fires."""

    part: str
    estimated: int
    rows: int
    fires: list[Trigger]


def _table(application: ApplicationDatabase, part: str, changes: Sequence[Change]) -> _Table:
    """About the table in which these rows lie.

    Raises:
        Refused: the role that acts may not write them, or it is no plain table.
    """
    schema, table, _ = application.column(f"{part}.id")
    with application.server.asked_as_actor() as session:
        row = _looked_up(session.run, application, part, changes)
        fired = _fires(session, application, str(row["relation"]), changes[0]) if row["plain"] else []
    _refuse(application, row, f"{schema}.{table}")
    return _Table(part=part, estimated=int(number(row["estimated"])), rows=len(changes), fires=fired)


def refuse_unwritable(application: ApplicationDatabase, part: str, fields: Sequence[str]) -> None:
    """Nobody should approve what cannot be done.

    Raises:
        Refused: the role that acts may not write these fields of the part, or it is no plain table.
        CannotLook: no answer.
    """
    schema, table, _ = application.column(f"{part}.{fields[0]}")
    columns = [application.column(f"{part}.{field}")[2] for field in fields]
    with application.server.asked_as_actor() as session:
        found = session.run(WRITABLE, schema=schema, table=table, columns=columns)
    if not found:
        raise Refused(f"There is no table {schema}.{table}, which {part} should be.")
    _refuse(application, found[0], f"{schema}.{table}")


def _refuse(application: ApplicationDatabase, row: Row, table: str) -> None:
    """
    Raises:
        Refused: as the server says, it could not be written, or something else would be.
    """
    if not row["plain"]:
        raise Refused(f"{table} is no plain table: a view or a rule may do something else than is written.")
    if row["read_only"]:
        raise Refused(
            f"{application.address} takes no writes: it is a standby, or its transactions only read.",
            remedy="Point action_url at the primary.",
        )
    if row["barred"]:
        raise Refused(f"{row['user']} may not write {table}.", remedy=str(row["grant_write"]))
    if row["filtered"]:
        raise Refused(f"Row security hides rows of {table} from {row['user']}.", remedy=str(row["grant_sight"]))


def _target(change: Change, fired: Sequence[Trigger]) -> Row:
    """Only where something fires: a trigger more than was approved is another plan."""
    return {**change.target, **({"fires": [one.name for one in fired]} if fired else {})}


def _looked_up(
    ask: Callable[..., list[Row]], application: ApplicationDatabase, part: str, changes: Sequence[Change]
) -> Row:
    schema, table, _ = application.column(f"{part}.id")
    fields = dict.fromkeys(field for one in changes for field in one.to)
    columns = [application.column(f"{part}.{field}")[2] for field in fields]
    found = ask(WRITABLE, schema=schema, table=table, columns=columns)
    if not found:
        raise Refused(f"There is no table {schema}.{table}, which {part} should be.")
    return found[0]


def _fires(session: Session, application: ApplicationDatabase, relation: str, change: Change) -> list[Trigger]:
    columns = [application.column(f"{change.part}.{field}")[2] for field in change.to]
    return triggers(session, relation, "update", columns)


def _filled(application: ApplicationDatabase, query: str, like: Change) -> str:
    """`query` about rows like this one: of its part, with its fields."""
    part = like.part
    column = f"{{{part}.%s}}"
    made = {
        "set": ", ".join(f"{column % field} = w.{column % field}" for field in like.to),
        "unchanged": " AND ".join(
            f"(t.{column % field}::text) IS NOT DISTINCT FROM (e.change -> 'was' ->> '{field}')" for field in like.was
        ),
        "held": ", ".join(f"t.{column % field}::text AS {field}" for field in like.to),
    }
    for name, text in made.items():
        query = query.replace(f"{{{name}}}", text)
    return application.filled(query.replace("{part}", part))


def _as_json(application: ApplicationDatabase, change: Change) -> Row:
    """As the statement reads it: the key and the new values by their columns, the old ones by our fields."""
    to = {application.column(f"{change.part}.{field}")[2]: value for field, value in change.to.items()}
    return {"was": dict(change.was), "to": {**to, application.column(f"{change.part}.id")[2]: change.key}}


def _line(application: ApplicationDatabase, change: Change) -> str:
    """What an operator would type."""
    schema, table, key = application.column(f"{change.part}.id")
    name = {field: quoted(application.column(f"{change.part}.{field}")[2]) for field in change.to}
    sets = ", ".join(f"{name[field]} = {_literal(value)}" for field, value in change.to.items())
    seen = " AND ".join(
        f"{name[field]} IS NULL" if value is None else f"{name[field]} = {_literal(value)}"
        for field, value in change.was.items()
    )
    where = f"{quoted(key)} = {_literal(change.key)} AND {seen}"
    # Shown, never run: `rewrite.sql` is.
    return f"UPDATE {quoted(schema)}.{quoted(table)} SET {sets} WHERE {where};"  # noqa: S608


def _by_part(changes: Sequence[Change]) -> list[tuple[str, list[Change]]]:
    parts = dict.fromkeys(one.part for one in changes)
    return [(part, [one for one in changes if one.part == part]) for part in parts]


def _shape(change: Change) -> tuple[str, ...]:
    return (change.part, *change.to)


def _values(row: Row, like: Change) -> Values:
    return {field: None if row[field] is None else str(row[field]) for field in like.to}


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _is(number: int) -> str:
    return "it is" if number == 1 else "they are"
