"""A way to lose a database."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.application.control.faults import Kept
from tasks.application.system import ApplicationDatabase
from tasks.backup import shelf
from tasks.backup.dump import dump
from tasks.backup.recovery.places import there
from tasks.backup.recovery.restoring import build, drop, recipe, rename
from tasks.backup.shelf import Backup
from tasks.backup.system import Backups
from tasks.backup.trial import prove
from tasks.fault import Fault
from tasks.model import Refused


@dataclass(frozen=True)
class Dropped:
    """A database that was dropped, what it is to be brought back from, and the settings by which its mails go out."""

    backup: Backups
    one: Backup
    settings: Kept
    databases: frozenset[str]


class DropDatabase(Fault):
    """Drop the application's database.

    A backup is made and proven first: what is dropped is what it holds, but for what is written in the seconds between.
    """

    def cause(self, backup: Backups, application: ApplicationDatabase) -> Dropped:
        settings = Kept.of(application)
        databases = frozenset(there(backup))
        with shelf.alone(backup.folder):
            one = dump(backup)
            if prove(backup, one):
                raise Refused(f"{one.name} differs from what was backed up, so nothing is dropped.")
        drop(backup.home, backup.source.place.database)
        return Dropped(backup, one, settings, databases)

    def cure(self, trouble: Dropped) -> None:
        """The database as it was, if it is not back already; without what was made beside it, and with senders on."""
        backup = trouble.backup
        database = backup.source.place.database
        if database not in there(backup):
            with shelf.alone(backup.folder):
                how = recipe(backup, trouble.one)
                if wrong := build(backup, how):
                    raise Refused(f"{trouble.one.name} came back otherwise than it was: {wrong[0]}.")
                rename(backup.home, [how.places.beside], how.swap)
        for name in there(backup):
            if name.startswith((f"{database}_restored_", f"{database}_lost_")) and name not in trouble.databases:
                drop(backup.home, name)
        trouble.settings.put_back()
