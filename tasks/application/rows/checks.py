"""What we ask an application's database about rows that are there twice, or that belong to nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from tasks.application.rows.queries import GUARD, REPEATED, SENT_TWICE, orphans
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.refusals import quoted
from tasks.postgres.values import number
from tasks.postgres.words import count

# How far back rows are looked at: what is older was seen by an earlier look.
RECENT = timedelta(days=7)

REPEATED_ROWS = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: the team on call. A mail that went out twice was read by somebody, and an event that came in "
    "twice is in every rate. There is no half a row: any is BAD.",
)

ORPHANED_ROWS = Threshold(
    warn=1,
    bad=100,
    because="Owner: the DBA. One row that belongs to nothing is left by something that was deleted beside it; a "
    "hundred in a week are written by something that goes on.",
)
# Whose rows belong to whose: part, column, the moment by which they are found, and the part it names.
BELONGING = (
    ("events", "send", "at", "sends"),
    ("sends", "lead", "created_at", "leads"),
    ("sends", "campaign", "created_at", "campaigns"),
    ("enrolments", "lead", "updated_at", "leads"),
    ("enrolments", "campaign", "updated_at", "campaigns"),
)


@check
def check_repeated_rows(application: ApplicationDatabase, repeated: Threshold = REPEATED_ROWS) -> Finding:
    """Is any event there twice, or did any mail go out twice?

    What keeps an event from coming in twice is the unique index on `once`: that it is there and valid is asked first,
    and that no more events than different ones came in the last seven days only where it is not. Equal numbers are
    health, not a reason to change the hash. Mails of the last seven days went out twice if lead, campaign and moment
    are the same; that is asked where those columns are mapped.
    """
    since = application.now() - RECENT
    guard, doubles = _guard(application, since)
    sent = application.rows(SENT_TWICE, since=since) if application.knows(SENT_TWICE) else []

    twice = int(number(sent[0]["total"])) if sent else 0
    unguarded = Verdict.OK if guard["valid"] else Verdict.WARN
    mails = f" {count(twice, 'mail')} went out again to the same lead." if twice else ""
    return Finding(
        verdict=max(unguarded, repeated.judge(doubles + twice)),
        says=f"{guard['says']}{mails}",
        value=float(doubles + twice),
        unit="rows",
        facts={"guard": guard["valid"], "repeated_events": doubles, "repeated_mails": twice},
        rows=[{key: row[key] for key in row if key != "total"} for row in sent],
        remedy=str(guard["remedy"]),
    )


@check
def check_orphaned_rows(application: ApplicationDatabase, orphaned: Threshold = ORPHANED_ROWS) -> Finding:
    """Does any row of the last seven days belong to something that is not there?

    Events of no mail, mails and enrolments of no lead or no campaign, as far as they are mapped. Where a foreign key
    keeps that from happening, nothing is found.
    """
    since = application.now() - RECENT
    asked = {(child, by): orphans(child, by, at, parent) for child, by, at, parent in BELONGING}
    # Where nothing is mapped, the first says what to write.
    known = {pair: query for pair, query in asked.items() if application.knows(query)} or dict(list(asked.items())[:1])
    found = {pair: application.rows(query, since=since)[0] for pair, query in known.items()}

    rows: list[Row] = [
        {"rows": child, "without": by, "orphans": row["orphans"], "example": row["example"]}
        for (child, by), row in found.items()
        if number(row["orphans"])
    ]
    total = sum(int(number(row["orphans"])) for row in rows)
    named = ", ".join(f"{number(row['orphans']):,.0f} {row['rows']} whose {row['without']} is gone" for row in rows)
    looked = ", ".join(f"{child} by {by}" for child, by in found)
    return Finding(
        verdict=orphaned.judge(total),
        says=f"{count(total, 'row')} of the last 7 days belong to nothing (bad from {orphaned.bad:,.0f}): {named}."
        if rows
        else f"Every row of the last 7 days belongs to one that is there ({looked}).",
        value=float(total),
        unit="rows",
        rows=rows,
    )


def _guard(application: ApplicationDatabase, since: datetime) -> tuple[Row, int]:
    """Whether a valid unique index keeps events from repeating, and how many repeat where none does."""
    schema, table, column = application.column("events.once")
    found = application.server.rows(GUARD, schema=schema, table=table, column=column)
    place = f"{schema}.{table} ({column})"
    if found and found[0]["valid"]:
        return {"valid": True, "says": f"A valid unique index keeps {place} from repeating.", "remedy": ""}, 0
    row = application.rows(REPEATED, since=since)[0]
    doubles = int(number(row["events"]) - number(row["different"]))
    why = f"the index {found[0]['name']} is not valid" if found else "there is no unique index"
    told = f"Nothing keeps events from coming in twice: {why} on {place}. {count(doubles, 'event')} of the last 7 days "
    told += f"{'is' if doubles == 1 else 'are'} repeated, of {number(row['events']):,.0f}."
    target = f"{quoted(schema)}.{quoted(table)} ({quoted(column)})"
    remedy = f"Remove what is repeated, then: CREATE UNIQUE INDEX CONCURRENTLY ON {target};"
    return {"valid": False, "says": told, "remedy": remedy}, doubles
