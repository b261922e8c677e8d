"""Write the figures of days that lack them, counted anew from the mails; and put back exactly what was there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tasks.action import Action
from tasks.application.analytics.figures import (
    Figures,
    as_keys,
    by_columns,
    gaps,
    kept,
    recomputed,
    texts,
    with_figures,
)
from tasks.application.analytics.queries import COMPLETE, FILL_IN, PLACE, STANDING, TAKE_OUT, UNDO_COMPLETE
from tasks.application.exact import as_usual
from tasks.application.system import ApplicationDatabase
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.along import Trigger, along_rows, besides, fires, triggers, written_since
from tasks.postgres.session import Session
from tasks.postgres.values import number
from tasks.postgres.words import count

# The record keeps a line for each; more wait for the next time.
MOST_DAYS = 1000
NOUN = "campaign days"
LOSES = "Nothing: what was there before is kept with the plan, and can be put back."
Key = tuple[str, str]


class BackfillFigures(Action):
    """Write the figures that are missing, counted anew from the mails.

    Of exactly the days shown: a missing row is made, in a row that is there only what it lacks is filled in. By the
    mail, above and below the line. Doing it again changes nothing. Numbers are counted when it is done, so a mail that
    is opened meanwhile counts.
    """

    narrows = True

    def plan(self, application: ApplicationDatabase) -> Plan:
        zone = own_zone(application)
        found = gaps(application, application.now(), zone, MOST_DAYS)
        if not found:
            return _plan("Nothing to write: no day that mails went out lacks its figures.", (), 0, 0)
        with application.server.asked_as_actor() as session:
            place = _place(session, application)
            fired = _fired(session, place, [one.was for one in found])
        rest = found[0].total - len(found)
        more = f" {count(rest, 'more day', 'wait')} for the next time." if rest else ""
        told = fires([(one, len(found)) for one in fired])
        missing = sum(one.was is None for one in found)
        does = f"Write the figures of {count(len(found), 'campaign day')}: {missing:,} without a row, "
        does += f"{len(found) - missing:,} with a row that lacks some.{more}"
        commands = [_command(place, {**one.target, **_names(fired)}) for one in found]
        evidence: list[Row] = [{"campaign": one.name, "day": one.day, "mails": one.mails} for one in found]
        does = " ".join([does, *([told] if told else [])])
        return _plan(does, commands, len(found), int(number(place["estimated"])), evidence)

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        zone, fields = own_zone(application), kept(application)
        days = [command.target for command in plan.commands]
        with application.server.transaction() as session:
            as_usual(session)
            place = _place(session, application)
            before = written_since(session)
            counted = recomputed(session, application, days, fields, zone)
            new = [one for one in days if one["was"] is None and _key(one) in counted]
            old = [one for one in days if one["was"] is not None and _key(one) in counted]
            made = _filled_in(session, application, new, counted, fields)
            completed = _completed(session, application, old, counted, fields)
            beyond = _beyond(session, place, plan, Counter(inserted=len(made), updated=len(completed)), before)
        written = {**made, **completed}
        left = [one for one in days if _key(one) not in written]
        rows: list[Row] = [
            {"campaign": one["campaign"], "day": one["day"], "was": one["was"], "wrote": dict(written[_key(one)])}
            for one in days
            if _key(one) in written
        ]
        moved = f" {count(len(left), 'day')} had figures by then, or no mails: not touched." if left else ""
        return Outcome(
            says=f"The figures of {count(len(written), 'campaign day').lower()} of {len(days):,} written."
            f"{moved}{besides(beyond)}",
            complete=not left,
            rows=[*rows, *along_rows(beyond)],
            not_done=left,
        )

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        days = [command.target for command in plan.commands]
        now = _standing(application, days)
        return not any(now.get(_key(one)) == one["was"] for one in days)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was written is in the outcome
        """Take out the rows that were made, and empty again what was filled in, where nobody has changed it since."""
        return PutFiguresBack([row for row in outcome.rows if "wrote" in row])


class PutFiguresBack(Action):
    """Put the days' figures back as they were before they were written.

    Only rows that still hold what we wrote. Where it was not kept what that is, none.
    """

    undo = NoWayBack(loses="Nothing: the runbook counts the figures anew.")
    narrows = True

    def __init__(self, written: Sequence[Row]) -> None:
        """`written`: of each day what its row held, `was`, and what it was given, `wrote`."""
        self.written = list(written)

    def plan(self, application: ApplicationDatabase) -> Plan:
        now = _standing(application, self.written)
        still = [one for one in self.written if now.get(_key(one)) == one["wrote"]]
        others = len(self.written) - len(still)
        if not still:
            return _plan("Nothing to put back: no row holds what was written.", (), 0, 0)
        with application.server.asked_as_actor() as session:
            place = _place(session, application)
            fired = _fired(session, place, [_figures(one["was"]) for one in still], back=True)
        stay = f" {count(others, 'row')} changed since: not touched." if others else ""
        told = fires([(one, len(still)) for one in fired])
        does = f"Put the figures of {count(len(still), 'campaign day')} back as they were.{stay}"
        commands = [_command(place, {**one, **_names(fired)}, verb="PUT BACK") for one in still]
        does = " ".join([does, *([told] if told else [])])
        return _plan(does, commands, len(still), int(number(place["estimated"])))

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        days = [command.target for command in plan.commands]
        with application.server.transaction() as session:
            as_usual(session)
            place = _place(session, application)
            before = written_since(session)
            taken = _put_back(session, application, [one for one in days if one["was"] is None], TAKE_OUT)
            emptied = _put_back(session, application, [one for one in days if one["was"] is not None], UNDO_COMPLETE)
            beyond = _beyond(session, place, plan, Counter(deleted=len(taken), updated=len(emptied)), before)
        left = [one for one in days if _key(one) not in taken | emptied]
        return Outcome(
            says=f"{count(len(taken | emptied), 'campaign day')} of {len(days):,} as before.{besides(beyond)}",
            complete=not left,
            rows=along_rows(beyond),
            not_done=left,
        )

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        days = [command.target for command in plan.commands]
        now = _standing(application, days)
        return not any(now.get(_key(one)) == one["wrote"] for one in days)


def own_zone(application: ApplicationDatabase) -> str:
    """The time zone in which the figures' days begin.

    Raises:
        Refused: nobody has said: a day that begins elsewhere would get another day's mails.
    """
    zone = application.analytics.time_zone if application.analytics else None
    if zone is None:
        raise Refused(
            "Nobody has said in which time zone the days of the figures begin.",
            remedy='Write in environments.toml, under analytics: time_zone = "UTC"  # or where its updater runs',
        )
    return zone


def _place(session: Session, application: ApplicationDatabase) -> Row:
    """The table of figures, as the role of `session` may write it.

    Raises:
        Refused: it may not, or a row could be there twice, or one of our kind would lack something.
    """
    schema, table, campaign = application.column("analytics.campaign")
    date = application.column("analytics.date")[2]
    written = [application.column(f"analytics.{one}")[2] for one in _columns(application)]
    found = session.run(PLACE, schema=schema, table=table, keys=[campaign, date], written=written)
    if not found or not found[0]["plain"]:
        raise Refused(f"{schema}.{table} is no plain table: a view or a rule may do something else than is written.")
    row: dict[str, Any] = dict(found[0])
    if not row["may_write"]:
        raise Refused(f"{row['user']} may not write {schema}.{table}.", remedy=row["grant_write"])
    if row["filtered"]:
        raise Refused(f"Row security hides rows of {schema}.{table} from {row['user']}.")
    if not row["guarded"]:
        raise Refused(
            f"No unique index keeps {schema}.{table} to one row a campaign and day: figures could be there twice.",
            remedy=row["make_guard"],
        )
    if row["lacking"]:
        raise Refused(
            f"A row of {schema}.{table} needs {', '.join(row['lacking'])}, which we would not write.",
            remedy="Map them under analytics, or give those columns a default.",
        )
    return row


def _columns(application: ApplicationDatabase) -> list[str]:
    """What a new row is given, by our names."""
    both = application.knows("{analytics.organization} {campaigns.organization}")
    return ["campaign", "date", *(["organization"] if both else []), *kept(application)]


def _filled_in(
    session: Session,
    application: ApplicationDatabase,
    days: Sequence[Row],
    counted: dict[Key, Row],
    fields: Sequence[str],
) -> dict[Key, Figures]:
    columns = _columns(application)
    query = with_figures(FILL_IN, fields, "t")
    query = query.replace("{columns}", ", ".join(f"{{analytics.{one}}}" for one in columns))
    query = query.replace("{new}", ", ".join(f"w.{{analytics.{one}}}" for one in columns))
    rows = [_full(application, one, counted[_key(one)]) for one in days]
    found = session.run(application.filled(query), rows=json.dumps(rows)) if rows else []
    return {_key(row): texts(row, fields) for row in found}


def _completed(
    session: Session,
    application: ApplicationDatabase,
    days: Sequence[Row],
    counted: dict[Key, Row],
    fields: Sequence[str],
) -> dict[Key, Figures]:
    query = with_figures(COMPLETE, fields, "t")
    rows = [{"was": one["was"], "to": _full(application, one, counted[_key(one)])} for one in days]
    found = session.run(application.filled(query), rows=json.dumps(rows)) if rows else []
    return {_key(row): texts(row, fields) for row in found}


def _put_back(session: Session, application: ApplicationDatabase, days: Sequence[Row], query: str) -> set[Key]:
    """Those that were put back; each only while it holds what was written."""
    done: set[Key] = set()
    # One shape at a time: only what was empty is emptied.
    for one in days:
        was, wrote = _figures(one["was"]), _figures(one["wrote"]) or {}
        empty = [name for name, value in (was or {}).items() if value is None]
        back = ", ".join(f"{{analytics.{name}}} = NULL" for name in empty)
        asked = application.filled(with_figures(query, list(wrote), "t").replace("{back}", back))
        given = {"was": dict(wrote), "to": by_columns(application, {"campaign": one["campaign"], "date": one["day"]})}
        done |= {_key(row) for row in session.run(asked, rows=json.dumps([given]))}
    return done


def _full(application: ApplicationDatabase, day: Row, figures: Row) -> Row:
    return by_columns(application, {"campaign": day["campaign"], "date": day["day"], **figures})


def _standing(application: ApplicationDatabase, days: Sequence[Row]) -> dict[Key, Figures]:
    if not days:
        return {}
    fields = kept(application)
    rows = application.rows(with_figures(STANDING, fields, "t"), rows=as_keys(application, days))
    return {_key(row): texts(row, fields) for row in rows}


def _fired(session: Session, place: Row, held: Sequence[Figures | None], *, back: bool = False) -> list[Trigger]:
    events = [("delete" if back else "insert", None in held), ("update", any(one is not None for one in held))]
    return [one for event, asked in events if asked for one in triggers(session, str(place["relation"]), event)]


def _names(fired: Sequence[Trigger]) -> Row:
    """Only where something fires: a trigger more than was approved is another plan."""
    return {"fires": [one.name for one in fired]} if fired else {}


def _beyond(
    session: Session, place: Row, plan: Plan, meant: Counter[str], before: Counter[Key]
) -> Counter[tuple[str, str]]:
    """What else was written, which only triggers can have done.

    Raises:
        Refused: the plan told of none. Nothing is committed.
    """
    relation = str(place["relation"])
    beyond = written_since(session, before) - Counter({(relation, what): rows for what, rows in meant.items()})
    if beyond and not any("fires" in command.target for command in plan.commands):
        more = ", ".join(f"{rows:,} of {table} {what}" for (table, what), rows in sorted(beyond.items()))
        raise Refused(f"More would be changed than was planned: {more}. Nothing was.", remedy="Plan it again.")
    return beyond


def _plan(does: str, commands: Sequence[Command], touched: int, estimated: int, evidence: Sequence[Row] = ()) -> Plan:
    return Plan(
        does=does,
        commands=tuple(commands),
        blast_radius=BlastRadius(touched=touched, total=max(estimated, touched), noun=NOUN),
        risk=Risk.LOW,
        loses=LOSES,
        evidence=evidence,
    )


def _command(place: Row, target: Row, verb: str = "BACKFILL") -> Command:
    campaign = str(target["campaign"]).replace("'", "''")
    # Shown, never run: fill_in.sql and complete.sql do it.
    return Command(line=f"{verb} {place['relation']} (campaign '{campaign}', day '{target['day']}');", target=target)


def _key(row: Row) -> Key:
    return str(row["campaign"]), str(row["day"])


def _figures(kept: object) -> Figures | None:
    return {str(name): value for name, value in kept.items()} if isinstance(kept, dict) else None
