"""What we ask a D1 database: does it answer, how full is it, and how far back could it be taken?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tasks.amounts import size
from tasks.check import check
from tasks.d1 import shelf
from tasks.d1.system import D1
from tasks.model import CannotLook, Finding, Refused, Threshold, Verdict
from tasks.status_page.checks import reported

TOOK = Threshold(
    warn=1,
    bad=5,
    because="Owner: the team on call. In seconds, for SELECT 1, as D1 itself counts them: it has nothing to read, and "
    "a Worker's visitors wait for several queries.",
)
SIZE = Threshold(
    warn=8e9,
    bad=9.5e9,
    because="Cloudflare lets a D1 database of a paid plan grow to 10 GB, and then refuses to write; what is beyond has "
    "to move to a second database, and that takes longer than a night.",
)
AGE = Threshold(
    warn=2,
    bad=3,
    because="Owner: the team on call. Days since the last backup that was restored and compared: one is made a night, "
    "and the second night without one means that it fails.",
)
# Time Travel's reach is 30 days on a paid plan and 7 on the free one.
ASKED_BACK = timedelta(days=1)


@check
def check_d1_answers(d1: D1, took: Threshold = TOOK) -> Finding:
    """Does the D1 database answer SELECT 1?

    A refusal of our token is no answer of the database, and no trouble of its own.
    """
    try:
        told = d1.query("SELECT 1 AS one")
    except Refused:
        raise
    except CannotLook as error:
        return Finding(verdict=Verdict.BAD, says=f"The D1 database does not answer: {error.says}", remedy=error.remedy)
    if [dict(row) for row in told.rows] != [{"one": 1}]:
        return Finding(verdict=Verdict.BAD, says="The D1 database answers SELECT 1 with something else.")
    pace = f" in {told.took_s:.3f} s" if told.took_s is not None else ""
    return Finding(
        verdict=took.judge(told.took_s) if told.took_s is not None else Verdict.OK,
        says=f"The D1 database answers SELECT 1{pace}.",
        value=told.took_s,
        unit="s",
    )


@check
def check_d1_size(d1: D1, full: Threshold = SIZE) -> Finding:
    """Has the D1 database room left?"""
    told = d1.query("SELECT 1 AS one").size
    if told is None:
        return Finding.unknown("Cloudflare does not tell how large the D1 database is.")
    return Finding(
        verdict=full.judge(told),
        says=f"The D1 database has {size(told)} (bad from {size(full.bad)}).",
        value=told,
        unit="bytes",
    )


@check
def check_d1_way_back(d1: D1) -> Finding:
    """Could the D1 database be taken back to how it was a day ago?

    By Time Travel, whose mark for that moment is told. It takes the whole database back, and what was written since is
    gone; and it is lost with the database: an export elsewhere is another matter (maintenance/d1-backup).
    """
    then = datetime.now(UTC) - ASKED_BACK
    try:
        now, back = d1.bookmark(), d1.bookmark(then)
    except Refused as error:
        return Finding(verdict=Verdict.WARN, says=f"The D1 database has no way back to yesterday: {error.says}")
    return Finding(
        verdict=Verdict.OK,
        says=f"The D1 database can be taken back to {then:%Y-%m-%d %H:%M} UTC: bookmark {back}. It stands at {now}.",
        facts={"bookmark": back, "at": then.isoformat(timespec="seconds"), "now": now},
    )


@check
def check_d1_status(d1: D1) -> Finding:
    """Does Cloudflare's status page report trouble?"""
    return reported(d1.status_page)


@check(limit=timedelta(minutes=2))
def check_d1_backup(d1: D1, age: Threshold = AGE) -> Finding:
    """Is there a new backup of the D1 database that was restored and compared?

    And is its file as it was written. One that could not be restored, or differed, counts as none.
    """
    folder = d1.shelf()
    days = shelf.days(folder)
    if not days:
        return Finding(
            verdict=Verdict.BAD,
            says=f"There is no proven backup of the D1 database in {folder}.",
            remedy="maintenance/d1-backup makes one.",
        )
    try:
        tables = shelf.look(folder, days[0])
    except Refused as error:
        return Finding(verdict=Verdict.BAD, says=error.says, remedy="Make one anew, and look who wrote to the file.")
    old = (datetime.now(UTC).date() - days[0]).days
    return Finding(
        verdict=age.judge(old),
        says=f"The newest proven backup of the D1 database is of {days[0]}, {old} days old (bad from {age.bad:.0f}): "
        f"{len(tables)} tables, {sum(tables.values()):,.0f} rows.",
        value=float(old),
        unit="days",
        facts={"day": days[0].isoformat(), "tables": len(tables)},
    )
