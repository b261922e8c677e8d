"""Ways to spoil a backup."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks.backup import shelf
from tasks.backup.dump import dump
from tasks.backup.system import Backups
from tasks.backup.trial import prove
from tasks.fault import Fault
from tasks.model import Refused


@dataclass(frozen=True)
class Spoiled:
    """A byte that was turned over, and where."""

    file: Path
    offset: int
    was: bytes


class SpoilBackup(Fault):
    """Turn over a byte of the newest proven backup, as a bad disk does.

    Where there is none yet, one is made first.
    """

    def cause(self, backup: Backups) -> Spoiled:
        newest = next((one for one in backup.kept() if one.proven_at), None)
        if newest is None:
            with shelf.alone(backup.folder):
                newest = dump(backup)
                if prove(backup, newest):
                    raise Refused(f"{newest.name} differs already, so there is nothing to spoil.")
        file = newest.place / shelf.DUMP
        offset = file.stat().st_size // 2
        with file.open("r+b") as spoiled:
            spoiled.seek(offset)
            was = spoiled.read(1)
            spoiled.seek(offset)
            spoiled.write(bytes([was[0] ^ 0xFF]))
        return Spoiled(file, offset, was)

    def cure(self, trouble: Spoiled) -> None:
        """The byte as it was; if the backup was removed meanwhile, nothing."""
        if not trouble.file.exists():
            return
        with trouble.file.open("r+b") as mended:
            mended.seek(trouble.offset)
            mended.write(trouble.was)
