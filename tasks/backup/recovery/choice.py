"""Which backup a lost database is brought back from: the newest proven one that does not hold the loss itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.backup.checks import newest_good
from tasks.backup.shelf import Backup
from tasks.backup.system import Backups
from tasks.model import Refused
from tasks.postgres.words import count

# A backup of an emptied database is as proven as any: it was restored, and is equal to nothing (an export without
# `--remote` wrote 31 bytes and said "Done!"). A day's work does not halve what there is.
SHRUNK = 0.5


@dataclass(frozen=True, kw_only=True)
class Choice:
    """`one` is to be restored, or none can be; `passed_over` are the newer ones, each with the reason."""

    one: Backup | None
    passed_over: Sequence[str]

    @property
    def besides(self) -> str:
        """The newer ones that are not taken, as the end of a sentence; empty where there is none."""
        shown = "; ".join(self.passed_over[:3]) + ("; …" if self.passed_over[3:] else "")
        return f" Passed over: {shown}." if shown else ""


Look = Callable[[Sequence[Backup]], tuple[Backup | None, dict[str, list[str]]]]


def newest_proven(kept: Sequence[Backup]) -> tuple[Backup | None, dict[str, list[str]]]:
    """The newest that is proven, whatever became of its files since: what it knew then is in its manifest."""
    return next((one for one in kept if one.proven_at), None), {}


def choose(kept: Sequence[Backup], look: Look = newest_good) -> Choice:
    """Of `kept`, which comes newest first. Looks at the files of each to their end, unless `look` is another one."""
    good, spoiled = look(kept)
    passed = [f"{name}: {', '.join(wrong)}" for name, wrong in spoiled.items()]
    passed += [f"{one.name}: not proven" for one in kept if one.proven_at is None and (not good or one.at > good.at)]
    while good is not None:
        older, _ = look([one for one in kept if one.at < good.at])
        shrunk = _shrunk(good, older) if older else ""
        if not shrunk:
            break
        passed.append(f"{good.name}: {shrunk}")
        good = older
    return Choice(one=good, passed_over=passed)


def chosen(backup: Backups) -> Backup:
    """The one to be restored.

    Raises:
        Refused: there is none that is proven and still what was written. CannotLook: the folder cannot be read.
    """
    choice = choose(backup.kept())
    if choice.one is None:
        raise Refused(
            f"There is no proven backup of {backup.address} in {backup.folder}.{choice.besides}",
            remedy="Bring a copy back from the bucket, or from wherever else one is; then open this again.",
        )
    return choice.one


def _shrunk(newer: Backup, older: Backup) -> str:
    """Why the newer of two is no good to go back to; empty where it is as good."""
    now, then = newer.content, older.content
    missing = then.tables.keys() - now.tables.keys()
    if len(missing) >= max(1.0, SHRUNK * len(then.tables)):
        return f"it lacks {count(len(missing), 'table')} of {len(then.tables)} that {older.name} has"
    if now.rows < SHRUNK * then.rows:
        return f"it has {now.rows:,} rows, and {older.name} {then.rows:,}"
    return ""
