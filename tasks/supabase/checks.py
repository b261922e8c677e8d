"""What we ask Supabase about a project: itself, its services, its disk, and what it could be taken back to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.amounts import size, stretch
from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.rates import percent
from tasks.status_page.checks import reported
from tasks.supabase.system import COMPLETED, Backup, Supabase

# In Supabase's own words; any other is one that we do not know, and never health.
PROJECT = {
    "ACTIVE_HEALTHY": Verdict.OK,
    "COMING_UP": Verdict.WARN,
    "RESTORING": Verdict.WARN,
    "UPGRADING": Verdict.WARN,
    "RESTARTING": Verdict.WARN,
    "RESIZING": Verdict.WARN,
    "ACTIVE_UNHEALTHY": Verdict.BAD,
    "INACTIVE": Verdict.BAD,
    "PAUSING": Verdict.BAD,
    "GOING_DOWN": Verdict.BAD,
    "REMOVED": Verdict.BAD,
    "INIT_FAILED": Verdict.BAD,
    "RESTORE_FAILED": Verdict.BAD,
    "PAUSE_FAILED": Verdict.BAD,
}
SERVICE = {"ACTIVE_HEALTHY": Verdict.OK, "COMING_UP": Verdict.WARN, "UNHEALTHY": Verdict.BAD}

AGE = Threshold(
    warn=26 * 3600,
    bad=50 * 3600,
    because="Owner: the team on call. In seconds, since the newest backup that Supabase calls complete: it makes one a "
    "day, and two hours are allowed for that; after the second one that is missing, two days would be lost.",
)
FULL = Threshold(
    warn=0.8,
    bad=0.9,
    because="Owner: the team on call. Of the database's disk: Supabase sets a database whose disk is nearly full (95 % "
    "by its documents) to read only, and growing the disk takes a while.",
)


@check
def check_supabase_project(supabase: Supabase) -> Finding:
    """Is the project at Supabase up?

    What is restored, upgraded, resized or started just now is on its way. A paused project answers nobody.
    """
    status = supabase.status()
    return Finding(
        verdict=PROJECT.get(status, Verdict.UNKNOWN),
        says=f"Supabase calls the project {_word(status)}.",
        facts={"status": status},
    )


@check
def check_supabase_services(supabase: Supabase) -> Finding:
    """Are the project's services at Supabase well?

    Those under `services`. One that is asked for and not told of is not known to be well.
    """
    told = {one.name: one for one in supabase.health()}
    silent = [name for name in supabase.services if name not in told]
    verdicts = {name: SERVICE.get(one.status, Verdict.UNKNOWN) for name, one in told.items()}
    sick = [one for name, one in told.items() if verdicts[name]]
    says = ", ".join(f"{one.name}: {_word(one.status)}{f' (“{one.error}”)' if one.error else ''}" for one in sick)
    missing = f" Nothing is told of {', '.join(silent)}." if silent else ""
    return Finding(
        verdict=max([*verdicts.values(), Verdict.UNKNOWN if silent else Verdict.OK]),
        says=(f"Supabase reports {says}." if sick else f"{len(told)} services at Supabase are well.") + missing,
        value=float(len(sick)),
        rows=[{"service": one.name, "status": one.status, "error": one.error} for one in sick],
    )


@check
def check_supabase_read_only(supabase: Supabase) -> Finding:
    """Does the database at Supabase take writes?

    A full disk sets it to read only: SELECT 1 answers, and nothing can be written.
    """
    enabled, lifted = supabase.read_only()
    if not enabled:
        return Finding(verdict=Verdict.OK, says="The database at Supabase takes writes.")
    until = " That is lifted for a while." if lifted else ""
    return Finding(
        verdict=Verdict.WARN if lifted else Verdict.BAD,
        says=f"Supabase has set the database to read only.{until}",
    )


@check
def check_supabase_disk(supabase: Supabase, full: Threshold = FULL) -> Finding:
    """Has the database's disk at Supabase room left?"""
    used, whole = supabase.disk()
    return Finding(
        verdict=full.judge(used / whole),
        says=f"{percent(used / whole)} of the database's disk at Supabase is used, {size(used)} of {size(whole)} "
        f"(bad from {percent(full.bad)}).",
        value=used / whole,
    )


@check
def check_supabase_pooler(supabase: Supabase) -> Finding:
    """Is there a pooler before the database at Supabase, and how much does it take?

    How many of its places are used it does not tell: the database's own connections do.
    """
    pools = supabase.pools()
    if not pools:
        return Finding(verdict=Verdict.WARN, says="Supabase tells of no pooler before this database.")
    each = "; ".join(f"{one.database} in {one.mode} mode, {_count(one.size)} to the database" for one in pools[:3])
    rows: list[Row] = [
        {"database": one.database, "mode": one.mode, "size": one.size, "most_clients": one.most_clients}
        for one in pools
    ]
    most = min((one.most_clients for one in pools if one.most_clients), default=None)
    return Finding(
        verdict=Verdict.OK,
        says=f"{len(pools)} pooler{'s' if len(pools) != 1 else ''} at Supabase: {each}.",
        value=most,
        unit="connections",
        rows=rows,
    )


@check
def check_supabase_backups(supabase: Supabase, age: Threshold = AGE) -> Finding:
    """How old is what the database at Supabase could be taken back to?

    As Supabase tells it: nobody has restored it, and it is lost with the project. A backup of our own is another matter
    (maintenance/backup).
    """
    told, now = supabase.backups(), datetime.now(UTC)
    whole = next((one for one in told.made if one.status == COMPLETED), None)
    points = [at for at in (told.latest if told.pitr else None, whole.at if whole else None) if at is not None]
    if not points:
        says = f"Supabase has nothing to take this database back to{_tried(told.made)}."
        return Finding(verdict=Verdict.BAD, says=says)
    newest = max(points)
    left = max(0.0, (now - newest).total_seconds())
    failed = bool(told.made) and told.made[0].status == "FAILED"
    reach = f", to any moment since {told.earliest:%Y-%m-%d %H:%M} UTC" if told.pitr and told.earliest else ""
    return Finding(
        verdict=max(age.judge(left), Verdict.WARN if failed else Verdict.OK),
        says=f"The newest point that Supabase can take the database back to is {stretch(left)} old{reach} "
        f"(bad from {stretch(age.bad)})." + (" Its last backup failed." if failed else ""),
        value=left,
        unit="s",
        facts={"newest": newest.isoformat(timespec="seconds"), "pitr": told.pitr, "backups": len(told.made)},
        rows=[{"at": one.at.isoformat(timespec="seconds"), "status": one.status} for one in told.made[:10]],
    )


@check
def check_supabase_status(supabase: Supabase) -> Finding:
    """Does Supabase's status page report trouble?"""
    return reported(supabase.status_page)


@check
def check_supabase_token(supabase: Supabase) -> Finding:
    """Does Supabase let us look at the project, with our token?"""
    return next(supabase.examine())


def _tried(made: Sequence[Backup]) -> str:
    return f": its last backup is {_word(made[0].status)}" if made else ": it has made no backup"


def _word(status: str) -> str:
    return status.replace("_", " ").lower() or "nothing that we know"


def _count(number: float | None) -> str:
    return f"{number:.0f} connections" if number is not None else "its default of connections"
