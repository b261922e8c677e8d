"""When the last backup ended, as the team's own command or the files' times tell."""

from __future__ import annotations

import glob
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

from tasks.migration.system import MigrationTool
from tasks.model import CannotLook, Refused

_UNIX = re.compile(r"\d{9,11}(\.\d+)?")


def last_backup_at(migration: MigrationTool) -> datetime:
    """When the last backup ended.

    Raises:
        Refused: nothing says so.
        CannotLook: it cannot be seen just now.
    """
    if migration.backup_command:
        return _told(migration)
    if migration.backup_files:
        return _newest_file(migration.backup_files)
    raise Refused(
        "Nothing says when the last backup ended.",
        remedy='Add to the migration system: backup_command = ["…"], which prints the time as ISO 8601 or Unix '
        'seconds, or backup_files = "/backups/*.dump".',
    )


def _told(migration: MigrationTool) -> datetime:
    lines = migration.ask(migration.backup_command)
    for line in reversed(lines):
        if (when := _moment(line.strip())) is not None:
            return when
    raise Refused(
        f"`{shlex.join(migration.backup_command)}` prints no time.",
        remedy="Let it print when the last backup ended: 2026-11-21T02:00:00Z, or Unix seconds.",
    )


def _moment(text: str) -> datetime | None:
    if _UNIX.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Without a zone it is anybody's guess, and hours decide here.
    return when if when.tzinfo else None


def _newest_file(pattern: str) -> datetime:
    """An empty file is a backup that failed."""
    try:
        times = [stat.st_mtime for name in glob.glob(pattern) if (stat := Path(name).stat()).st_size]  # noqa: PTH207 - a whole path with its pattern
    except OSError as error:
        raise CannotLook(f"The backups at {pattern} cannot be seen: {error.strerror}.") from error
    if not times:
        raise Refused(f"There is no backup at {pattern}.", remedy="Make one, or correct backup_files.")
    return datetime.fromtimestamp(max(times), UTC)
