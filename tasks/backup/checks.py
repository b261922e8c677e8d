"""What we ask about backups: is there a good one, is there room for the next, is there a copy elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tasks.amounts import size
from tasks.backup.queries import DATABASE_BYTES
from tasks.backup.retention import old
from tasks.backup.shelf import Backup
from tasks.backup.system import Backups
from tasks.check import check
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict
from tasks.postgres.words import HOUR_S, count, span

# A backup is read to its end, as fast as the disk lets us.
FILES_TAKE = timedelta(minutes=30)

BACKUP_AGE = Threshold(
    warn=20 * HOUR_S,
    bad=26 * HOUR_S,
    because="Owner: the DBA. Backups are daily (seeds S1 and S4), so twenty hours after one the next is due, and what "
    "was written since is lost with the server. One may take two hours; at twenty-six one has failed.",
)
BACKUP_ROOM = Threshold(
    warn=3,
    bad=1,
    because="Owner: whoever runs the machine. A backup that meets a full disk is none, and the rest of the machine "
    "meets it too; with room for three there are days left to find more.",
)
# By hand at once; by itself in its window, whose record says why one came to nothing.
MAKE_ONE = "Make one: incident run maintenance/backup --environment NAME"
# What a compressed dump takes of the database's own size, before one was ever made: seldom more, mostly a quarter.
DUMP_SHARE = 0.5
# The next is a little larger than the last.
GROWS = 1.2


@check(limit=FILES_TAKE)
def check_newest_backup(backup: Backups, age: Threshold = BACKUP_AGE) -> Finding:
    """Is there a recent backup that was restored and compared row by row, and is it still what was written?

    A backup that was not restored, or whose files have changed since, does not count, however new it is.
    """
    kept = backup.kept()
    good, spoiled = newest_good(kept)

    others = [_why_not(one, spoiled) for one in kept if good is None or one.at > good.at]
    besides = f" Not counted: {'; '.join(others[:3])}{'; …' if others[3:] else ''}." if others else ""
    rows: list[Row] = [shown(one) for one in kept[:20]]
    if good is None:
        return Finding(
            verdict=Verdict.BAD,
            says=f"There is no proven backup of {backup.address} in {backup.folder}.{besides}",
            rows=rows,
            remedy=MAKE_ONE,
        )
    old_s = max(0.0, (datetime.now(UTC) - good.at).total_seconds())
    return Finding(
        verdict=max(age.judge(old_s), Verdict.BAD if spoiled else Verdict.OK),
        says=f"The newest proven backup of {backup.address}, {good.name}, is {span(old_s)} old (due from "
        f"{span(age.warn)}, bad from {span(age.bad)}): {size(good.bytes)}, {good.content.rows:,} rows, its SHA-256 as "
        f"written.{besides}",
        value=old_s,
        unit="s",
        facts={"backup": good.name, "manifest": good.sha256},
        rows=rows,
        remedy=MAKE_ONE if spoiled or age.judge(old_s) else "",
    )


@check
def check_backup_room(backup: Backups, room: Threshold = BACKUP_ROOM) -> Finding:
    """Is there room for another backup?"""
    free, needed = free_bytes(backup), bytes_needed(backup)

    fits = free / max(needed, 1)
    return Finding(
        verdict=room.judge(fits),
        says=f"{size(free)} are free in {backup.folder}, and the next backup takes about {size(needed)}: room for "
        f"{min(fits, 1000):.0f} (bad below {room.bad:.0f}).",
        value=round(min(fits, 1000), 2),
        unit="backups",
    )


@check
def check_backup_copies(backup: Backups) -> Finding:
    """Is the newest proven backup also somewhere else?

    Asked is whether the copy is whole, not its content: that was read back when it was made.
    """
    if backup.bucket is None:
        return Finding(
            verdict=Verdict.WARN,
            says=f"No bucket is configured: the backups in {backup.folder} are lost with that machine.",
            remedy='bucket = { url = "s3://…", … }  # another account, versioned; or copy the folder by other means',
        )
    proven = [one for one in backup.kept() if one.proven_at]
    lacking = [one for one in proven if not copied(backup, one)]

    return Finding(
        verdict=Verdict.WARN if lacking else Verdict.OK,
        says=f"{len(proven) - len(lacking)} of {count(len(proven), 'proven backup')} are also in {backup.bucket.url}.",
        value=len(lacking),
        unit="backups",
        rows=[shown(one) for one in lacking],
    )


@check
def check_old_backups(backup: Backups) -> Finding:
    """Are there backups that nobody needs any more?

    Kept are the newest of so many days, weeks and months, and the newest proven one in any case.
    """
    going = old(backup)

    return Finding(
        verdict=Verdict.WARN if going else Verdict.OK,
        says=f"{count(len(going), 'backup')} of {len(backup.kept())} in {backup.folder} may go: "
        f"{size(sum(one.bytes for one in going))}.",
        value=len(going),
        unit="backups",
        rows=[shown(one) for one in going],
    )


def newest_good(kept: Sequence[Backup]) -> tuple[Backup | None, dict[str, list[str]]]:
    """The newest that is proven and whose files are what they were; and of the newer proven ones what is altered."""
    spoiled: dict[str, list[str]] = {}
    for one in kept:
        if one.proven_at and not (wrong := one.altered()):
            return one, spoiled
        if one.proven_at:
            spoiled[one.name] = wrong
    return None, spoiled


def copied(backup: Backups, one: Backup) -> bool:
    """Is all of it in the bucket? The proof is put there last."""
    there = backup.bucket.head(f"{one.name}/{one.files[-1].name}") if backup.bucket else None
    return there is not None and there.bytes == one.files[-1].stat().st_size


def free_bytes(backup: Backups) -> int:
    """What is left on the disk of the folder, or of the nearest folder above it that is there.

    Raises:
        CannotLook: it cannot be seen.
    """
    there = next(path for path in (backup.folder, *backup.folder.absolute().parents) if path.is_dir())
    try:
        stat = os.statvfs(there)
    except OSError as error:
        raise CannotLook(f"{there} cannot be looked at: {error.strerror}.") from error
    return stat.f_bavail * stat.f_frsize


def bytes_needed(backup: Backups) -> int:
    """About what the next backup takes.

    Raises:
        CannotLook, Refused: the database does not answer.
    """
    kept = backup.kept()
    if kept:
        return round(GROWS * kept[0].bytes)
    return round(DUMP_SHARE * int(str(backup.source.rows(DATABASE_BYTES)[0]["bytes"])))


def _why_not(one: Backup, spoiled: Mapping[str, Sequence[str]]) -> str:
    if one.name in spoiled:
        return f"{one.name}: {', '.join(spoiled[one.name])}"
    return f"{one.name}: {'it differs from what was backed up' if one.differs else 'it was not restored yet'}"


def shown(one: Backup) -> Row:
    """One of them, as a row of evidence."""
    state = "differs" if one.differs else "proven" if one.proven_at else "not proven"
    return {"backup": one.name, "at": one.at.isoformat(), "state": state, "bytes": one.bytes, "rows": one.content.rows}
