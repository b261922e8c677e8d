"""What is asked on the day all is lost: is the database there, all of it, and what can it be brought back from?"""

from __future__ import annotations

from datetime import UTC, datetime

from tasks.amounts import size
from tasks.backup.checks import BACKUP_AGE, FILES_TAKE, MAKE_ONE, copied
from tasks.backup.queries import FEW_ROWS, IDENTS, LIVE
from tasks.backup.recovery.choice import Choice, choose, newest_proven
from tasks.backup.recovery.copies import copies
from tasks.backup.recovery.loss import Seen, last_seen, said
from tasks.backup.recovery.places import read_remark
from tasks.backup.shelf import Backup
from tasks.backup.system import WHERE_TO_RESTORE, Backups
from tasks.check import check
from tasks.model import CannotLook, Earlier, Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import in_database
from tasks.postgres.values import number
from tasks.postgres.words import count, span

TABLES_LEFT = Threshold(
    warn=0.99,
    bad=0.5,
    because="Owner: the DBA. The share of the newest proven backup's tables that is there: a migration drops one or "
    "two a day; half of them gone is a database that was lost.",
)
ROWS_LEFT = Threshold(
    warn=0.5,
    bad=0.1,
    because="Owner: the DBA. The share of a table's rows in the newest proven backup that is there, of tables with a "
    "hundred or more: a clean-up halves one; nine of ten gone since last night is a mistake until somebody says no.",
)
# A table of fewer rows comes and goes: a queue, a list of locks.
LEAST_ROWS = 100
# A table is counted no further than that: whoever has so many rows has not lost nine of ten thousand.
COUNTED = 10_000
SHOWN = 20


@check
def check_database_there(backup: Backups, left: Threshold = TABLES_LEFT, earlier: Earlier | None = None) -> Finding:
    """Is the database there, with the tables that it had?

    Held against the newest proven backup that does not hold the loss itself. A server that does not answer, or refuses
    us, is no lost database.
    """
    kept = backup.kept()
    known, seen = choose(kept, newest_proven).one, last_seen(earlier)
    try:
        live, idents = backup.source.rows(LIVE)[0], {str(row["ident"]) for row in backup.source.rows(IDENTS)}
    except NotConnected as error:
        if error.reason is not Reason.DATABASE_MISSING:
            raise
        return _lost(f"There is no database {backup.address}.", 0.0, known, kept, seen)
    wanted = set(known.content.tables) if known else idents
    share = len(wanted & idents) / max(1, len(wanted))
    if left.judge(share) is Verdict.BAD:
        says = f"{len(wanted - idents)} of {count(len(wanted), 'table')} of {backup.address} are gone."
        return _lost(says, share, known, kept, seen)
    now = Seen(at=datetime.now(UTC), rows=int(number(live["rows"])))
    gone = sorted(wanted - idents)
    missing = f", {', '.join(gone[:3])} gone since {known.name}" if gone and known else ""
    ours = read_remark(live)
    return Finding(
        verdict=left.judge(share),
        says=f"{backup.address} is there with {count(len(idents), 'table')} and about {now.rows:,} rows{missing}."
        + (f" It was restored from {ours.backup}: what was written after that is not in it." if ours else ""),
        value=share,
        unit="ratio",
        facts=now.facts,
        rows=[{"table": table} for table in gone[:SHOWN]],
    )


@check
def check_tables_there(backup: Backups, left: Threshold = ROWS_LEFT) -> Finding:
    """Has a table lost most of its rows since the newest proven backup?

    A table that is gone has lost all. Of tables with a hundred rows or more; a large one is counted to ten thousand.
    """
    known = choose(backup.kept(), newest_proven).one
    if known is None:
        raise Refused(f"There is no proven backup of {backup.address} to hold it against.", remedy=MAKE_ONE)
    idents = {str(row["ident"]) for row in backup.source.rows(IDENTS)}
    shares = {
        table: _share(backup, table, int(rows)) if table in idents else 0.0
        for table, (rows, _) in known.content.tables.items()
        if int(rows) >= LEAST_ROWS
    }
    sick = sorted((share, table) for table, share in shares.items() if left.judge(share))
    worst = sick[0] if sick else (1.0, "")
    rows: list[Row] = [
        {"table": table, "rows then": int(known.content.tables[table][0]), "left": f"{share:.0%}"}
        for share, table in sick[:SHOWN]
    ]
    return Finding(
        verdict=left.judge(worst[0]),
        says=f"{count(len(sick), 'table')} of {len(shares)} lost rows since {known.name}, above all {worst[1]}: "
        f"{worst[0]:.0%} are left (bad up to {left.bad:.0%})."
        if sick
        else f"None of {count(len(shares), 'table')} lost most of its rows since {known.name}.",
        value=worst[0],
        unit="ratio",
        rows=rows,
    )


@check(limit=FILES_TAKE)
def check_restorable_backup(backup: Backups, age: Threshold = BACKUP_AGE) -> Finding:
    """Is there a backup to bring the database back from, and how much would be lost?

    One counts that was restored and compared, is still what was written, and does not hold the loss itself. How old it
    is, is judged by maintenance/backup; here it is what would be lost.
    """
    kept = backup.kept()
    choice = choose(kept)
    if choice.one is None:
        return _none(backup, choice)
    one = choice.one
    old_s = max(0.0, (datetime.now(UTC) - one.at).total_seconds())
    lacks = [*_unfit(backup), *([] if backup.bucket is None or copied(backup, one) else ["it is nowhere else"])]
    trial = f" Its trial took {span(one.trial_s)}." if one.trial_s else ""
    return Finding(
        verdict=Verdict.WARN if age.judge(old_s) or lacks else Verdict.OK,
        says=f"{one.name} ({size(one.bytes)}, {one.content.rows:,} rows, proven, as it was written) can be restored. "
        f"What was written since would be lost: {said(one, kept)}.{trial}{choice.besides}"
        + (f" But {'; '.join(lacks)}." if lacks else ""),
        value=old_s,
        unit="s",
        facts={"backup": one.name, "manifest": one.sha256, "at": one.at.isoformat()},
        remedy=WHERE_TO_RESTORE if backup.restore_url is None else "",
    )


def _none(backup: Backups, choice: Choice) -> Finding:
    """Nothing here: is there something elsewhere?"""
    elsewhere: list[str] = []
    found = ""
    try:
        elsewhere = copies(backup)
        if backup.bucket:
            found = f"; {len(elsewhere)} in {backup.bucket.url}"
    except CannotLook as error:
        found = f", and the bucket does not tell: {error.says.removesuffix('.')}"
    return Finding(
        verdict=Verdict.BAD,
        says=f"There is no proven backup of {backup.address} in {backup.folder}{found}.{choice.besides}",
        value=0.0,
        rows=[{"copy": name} for name in elsewhere[:SHOWN]],
    )


def _lost(what: str, share: float, known: Backup | None, kept: list[Backup], seen: Seen | None) -> Finding:
    last = f" It was last seen at {seen.at:%H:%M} UTC with about {seen.rows:,} rows." if seen else ""
    back = f" Going back to {known.name} loses {said(known, kept, seen)}." if known else " There is no proven backup."
    return Finding(
        verdict=Verdict.BAD,
        says=f"{what}{last}{back}",
        value=share,
        unit="ratio",
        facts=seen.facts if seen else {},
    )


def _share(backup: Backups, table: str, then: int) -> float:
    query = FEW_ROWS.replace("{ident}", table.replace("%", "%%"))
    now = int(number(backup.source.rows(query, most=min(then, COUNTED))[0]["rows"]))
    return 1.0 if now >= min(then, COUNTED) else now / then


def _unfit(backup: Backups) -> list[str]:
    """What would only be found out on the day: where it is brought back, and whether its statements fit the tables."""
    if backup.restore_url is None:
        return ["nobody has said where it is brought back (restore_url)"]
    there = PostgresServer(
        url=in_database(backup.restore_url, backup.source.place.database), connect_timeout_s=backup.connect_timeout_s
    )
    for statement in backup.senders_off:
        try:
            there.rows(f"EXPLAIN {statement.replace('%', '%%')}")
        except NotConnected:
            return []
        except CannotLook as error:
            return [f"a statement of senders_off does not fit: {error.says}"]
    return []
