"""A backup made at once, and Postgres' own programs with one of them in its place."""

from __future__ import annotations

from pathlib import Path

from tasks.backup.actions import MakeBackup
from tasks.backup.programs import programs_for
from tasks.backup.system import Backups
from tasks.model import Outcome


def made(door: Backups) -> Outcome:
    action = MakeBackup()
    return action.apply(door, action.plan(door))


def real(door: Backups) -> Path:
    return programs_for(
        int(str(door.source.rows("SHOW server_version_num")[0]["server_version_num"])) // 10000, None
    ).folder


def instead(folder: Path, door: Backups, program: str, text: str) -> Path:
    """A folder with Postgres' own programs, of which one is this shell script; "$REAL" is the real one."""
    folder.mkdir(exist_ok=True)
    for name in ("pg_dump", "pg_dumpall", "pg_restore"):
        file = folder / name
        how = text if name == program else 'exec "$REAL" "$@"'
        # The version is asked for first, and is the real one's.
        script = f'#!/bin/sh\nREAL={real(door) / name}\n[ "$1" = --version ] && exec "$REAL" --version\n{how}\n'
        file.write_text(script)
        file.chmod(0o755)
    return folder
