"""Take events out that are there twice: one of each stays, the others are kept aside and can be brought back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tasks.action import Action
from tasks.application.rows.aside import Aside, as_event, as_rows, aside_of, present, slices
from tasks.application.rows.checks import RECENT
from tasks.application.rows.queries import BRING_BACK, HOLD, MAKE_ASIDE, SET_ASIDE, SPARE
from tasks.application.system import ApplicationDatabase
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.along import written_since
from tasks.postgres.refusals import quoted
from tasks.postgres.session import Session
from tasks.postgres.values import number
from tasks.postgres.words import count

# The record keeps a line for each row of a plan; the rest goes another time.
MOST_EVENTS = 5000
# The evidence that somebody must not be mailed: without knowing which it is, no event is touched.
EVIDENCE = ("events.types.unsubscribe", "events.types.complaint")


class RemoveDuplicateEvents(Action):
    """Take out events that are there twice, and keep one of each.

    Same mail, kind, moment and detail, of the last seven days. The one with the lowest key stays; the others are moved,
    in one transaction, to a table of the same shape in the archive. No unsubscribe and no complaint is ever among
    them, and nothing of another table goes along: where that would happen, nothing is done.
    """

    narrows = True

    def plan(self, application: ApplicationDatabase) -> Plan:
        for name in EVIDENCE:
            application.values(name)
        since = application.now() - RECENT
        found = application.rows(SPARE, since=since, most=MOST_EVENTS)
        if not found:
            return _plan("Nothing to take out: no event is there twice.", (), 0)
        with application.server.asked_as_actor() as session:
            beside = aside_of(session, application)
        commands = tuple(_command(beside, application, row) for row in found)
        rest = int(number(found[0]["total"])) - len(found)
        more = f" {count(rest, 'more event', 'wait')} for the next time." if rest > 0 else ""
        does = f"Move {count(len(found), 'event')} from {beside.relation} to {beside.aside}; one of each stays.{more}"
        return _plan(does, commands, beside.estimated)

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        targets = {str(command.target["key"]): command.target for command in plan.commands}
        gone: set[str] = set()
        with application.server.transaction() as session:
            beside = aside_of(session, application)
            if not beside.there:
                session.run(beside.filled(application, MAKE_ASIDE))
            before = written_since(session)
            for keys in slices(list(targets)):
                gone |= _set_aside(session, application, beside, [targets[key] for key in keys])
            _refuse_more(written_since(session, before), beside, len(gone))
        left = [target for key, target in targets.items() if key not in gone]
        moved = f" {count(len(left), 'event')} changed or went since: not touched." if left else ""
        return Outcome(
            says=f"{count(len(gone), 'event')} of {len(targets):,} taken out, and kept in {beside.aside}.{moved}",
            complete=not left,
            rows=[
                {**target, "fate": "kept aside" if key in gone else "not touched"} for key, target in targets.items()
            ],
            not_done=left,
        )

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        with application.server.asked_as_actor() as session:
            return not present(session, application, _keys(plan))

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Move exactly the events back that were taken out."""
        return BringEventsBack(_keys(plan))


class BringEventsBack(Action):
    """Move events back that were taken out.

    Exactly those, as far as they still lie aside.
    """

    undo = NoWayBack(loses="Nothing: the runbook takes them out again.")
    narrows = True

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` of the events as they were taken out."""
        self.keys = list(keys)

    def plan(self, application: ApplicationDatabase) -> Plan:
        with application.server.asked_as_actor() as session:
            beside = aside_of(session, application)
            aside = present(session, application, self.keys, beside)
        still = [key for key in self.keys if key in aside]
        gone = len(self.keys) - len(still)
        missing = f" {count(gone, 'event')} no longer there." if gone else ""
        key_name = quoted(application.column("events.id")[2])
        commands = tuple(
            Command(
                line=f"MOVE FROM {beside.aside} TO {beside.relation} WHERE {key_name} = {_literal(key)};",
                target={"key": key},
            )
            for key in still
        )
        return _plan(
            f"Move {count(len(still), 'event')} back from {beside.aside}.{missing}", commands, beside.estimated
        )

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        keys = _keys(plan)
        back: set[str] = set()
        with application.server.transaction() as session:
            beside = aside_of(session, application)
            for few in slices(keys):
                rows = session.run(beside.filled(application, BRING_BACK), rows=as_rows(application, few))
                if rows and rows[0]["back"] != len(rows):
                    raise Refused(f"{beside.relation} did not take every event back. Nothing was moved.")
                back |= {str(row["key"]) for row in rows}
        left = [{"key": key} for key in keys if key not in back]
        return Outcome(
            says=f"{count(len(back), 'event')} of {len(keys):,} moved back.", complete=not left, not_done=left
        )

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        keys = _keys(plan)
        with application.server.asked_as_actor() as session:
            return present(session, application, keys) == set(keys)


def _plan(does: str, commands: tuple[Command, ...], estimated: int) -> Plan:
    return Plan(
        does=does,
        commands=commands,
        blast_radius=BlastRadius(touched=len(commands), total=max(estimated, len(commands)), noun="events"),
        risk=Risk.MODERATE,
        loses="Nothing: what is taken out lies in the archive, and can be brought back.",
    )


def _command(beside: Aside, application: ApplicationDatabase, row: Row) -> Command:
    """One event: what it is, and which one of the same stays."""
    target = {name: row[name] for name in ("key", "keeps", "send", "type", "at")}
    key = quoted(application.column("events.id")[2])
    which = f"{key} = {_literal(str(row['key']))}"
    # Shown, never run: set_aside.sql does it.
    line = f"MOVE FROM {beside.relation} TO {beside.aside} WHERE {which} AND {key} <> {_literal(str(row['keeps']))};"
    return Command(line=line, target=target)


def _set_aside(session: Session, application: ApplicationDatabase, beside: Aside, targets: Sequence[Row]) -> set[str]:
    """The keys of those that were moved.

    Raises:
        Refused: not every one that went was kept. Nothing was changed.
    """
    session.run(application.filled(HOLD), rows=as_rows(application, [str(one["keeps"]) for one in targets]))
    rows = [
        {
            "event": as_event(
                application, {"id": one["key"], "send": one["send"], "type": one["type"], "at": one["at"]}
            ),
            "keeps": as_event(application, {"id": one["keeps"]}),
        }
        for one in targets
    ]
    found = session.run(beside.filled(application, SET_ASIDE), rows=json.dumps(rows))
    if found and found[0]["kept"] != len(found):
        raise Refused(f"{beside.aside} did not take every event. Nothing was taken out.")
    return {str(row["key"]) for row in found}


def _refuse_more(written: Counter[tuple[str, str]], beside: Aside, gone: int) -> None:
    beyond = written - Counter({(beside.relation, "deleted"): gone, (beside.aside, "inserted"): gone})
    if beyond:
        told = ", ".join(f"{rows:,} of {table} {what}" for (table, what), rows in sorted(beyond.items()))
        raise Refused(
            f"More would go than events: {told}. Nothing was taken out.",
            remedy="Look which tables point at events, and which triggers fire when one is deleted.",
        )


def _keys(plan: Plan) -> list[str]:
    targets: list[Any] = [command.target for command in plan.commands]
    return [str(target["key"]) for target in targets]


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
