"""Which backups may go: all but the newest of so many days, weeks and months, and never the last good one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime

from tasks.backup.shelf import Backup
from tasks.backup.system import Backups


def old(backup: Backups) -> list[Backup]:
    """Those that may go, the oldest first.

    A proven one stays if it is the newest of one of the last days, weeks or months that have one. One that is not
    proven stays as long as it is newer than the newest that is; one that differs stays until somebody has looked.

    Raises:
        CannotLook: the folder cannot be read.
    """
    kept = backup.kept()
    proven = [one for one in kept if one.proven_at]
    if not proven:
        return []
    # Days, weeks and months that have a backup are counted, and not those of the calendar: after a month in which none
    # was made the old ones are all there is.
    stays = {
        proven[0].name,
        *_newest_of_each(proven, lambda at: at.date(), backup.keep_daily),
        *_newest_of_each(proven, lambda at: at.isocalendar()[:2], backup.keep_weekly),
        *_newest_of_each(proven, lambda at: (at.year, at.month), backup.keep_monthly),
    }
    going = [one for one in kept if one.name not in stays and not one.differs and one.at < proven[0].at]
    return going[::-1]


def _newest_of_each(proven: list[Backup], period: Callable[[datetime], Hashable], most: int) -> set[str]:
    newest: dict[Hashable, str] = {}
    for one in proven:
        newest.setdefault(period(one.at), one.name)
    return set(list(newest.values())[:most])
