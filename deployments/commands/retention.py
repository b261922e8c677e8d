"""incident audit retire, remove: let old incidents go without breaking the record."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from deployments.commands.context import Here, here
from deployments.commands.terminal import console, errors, say
from flows.journal import CannotRemove, Journal, gathered
from flows.keepers.retire import before, removable
from flows.keepers.retire import retire as retire_old
from flows.keepers.seal import places, seal_and_anchor
from flows.run import settings
from flows.told.words import plain
from tasks.toml import InvalidConfig

OWNER_URL = "INCIDENT_JOURNAL_OWNER_URL"
# Younger than a day is no retention but a mistyped number.
SHORTEST = timedelta(days=1)


# The database keeps the last month's whatever is asked: checks compare with them.
MONTH = timedelta(days=31)


class NoAge(InvalidConfig):
    """Nobody said how old is old."""


def retire(*, to: Path, older_than: timedelta | None = None, again: bool = False) -> int:
    """Export closed incidents and leave a sealed tombstone for each; `incident audit remove` may then remove them.

    Parameters
    ----------
    to
        A folder for the exports. Keep them: they are the record of these incidents.
    older_than
        In which nothing was written for that long, for example 400d. Without it: keep_days under [record].
    again
        Also those that were retired and not removed, for example because their export was lost.
    """
    at = here()
    age = _age(at, older_than)
    if not to.is_dir():
        errors.print(f"{to} is no folder. Make one that is backed up: the exports are the record of these incidents.")
        return 2
    count = 0
    for batch in retire_old(at.journal(), to, age, _sealing(at), again=again):
        count += batch.retired
        say(f"{batch.file}: {batch.retired} incident{_s(batch.retired)} retired; sha256 {batch.sha256}")
        if batch.grew:
            say(f"{batch.grew} grew meanwhile and stay as they were.")
    if not count:
        say(f"Nothing is older than {age.days} days.")
    return 0


def remove(
    *,
    exports: Path,
    older_than: timedelta | None = None,
    measurements: bool = False,
    alerts: bool = False,
    yes: bool = False,
) -> int:
    """Remove retired incidents whose tombstone is sealed and whose export is there and true; their tombstones stay.

    Only the owner of the journal's tables may: export INCIDENT_JOURNAL_OWNER_URL. The whole record and every export
    are verified first. Without --yes it only says what would go.

    Parameters
    ----------
    exports
        The folder with the exports.
    older_than
        In which nothing was written for that long, for example 400d. Without it: keep_days under [record].
    measurements
        Also the checks' numbers from before then; they are no record, and nothing of them is kept.
    alerts
        Also what monitoring said before then; what it opened stands in the incidents.
    yes
        Remove them.
    """
    at = here()
    age, journal = _age(at, older_than), Journal(owner_url(), settings.redactor())
    kept_in = places(at.config.record)
    found = removable(journal, exports, age, gathered(kept_in) if kept_in else None)
    for complaint in found.refused:
        errors.print(f"{plain(complaint.where)} stays: {plain(complaint.says)}")
    count = len(found.entombed)
    if not yes:
        console.print(f"Would be removed by --yes: {count} retired incident{_s(count)}, {found.entries} entries.")
        return 1 if found.refused else 0
    entries = sum(journal.retention.remove(one.tombstone for one in found.entombed))
    console.print(f"Removed: {count} retired incident{_s(count)}, {entries} entries. Their tombstones stay.")
    if measurements:
        gone = journal.retention.remove_measurements(before(max(age, MONTH)))
        console.print(f"Removed: {gone} measurement{_s(gone)}.")
    if alerts:
        gone = journal.retention.remove_alerts(before(max(age, MONTH)))
        console.print(f"Removed: {gone} alert{_s(gone)}.")
    return 1 if found.refused else 0


def _age(at: Here, given: timedelta | None) -> timedelta:
    days = at.config.record.keep_days
    age = given or (timedelta(days=days) if days else None)
    if age is None:
        raise NoAge(
            "How old is old? Give --older-than, for example --older-than 400d, or write keep_days = 400 under [record] "
            f"in {at.config.file}."
        )
    if age < SHORTEST:
        raise NoAge(f"--older-than {age}: a day is the least. For example --older-than 400d.")
    return age


def owner_url() -> SecretStr:
    """A URL that is named for this and nothing else: no worker reads that variable.

    Raises:
        CannotRemove: it is not set.
    """
    url = os.environ.get(OWNER_URL)
    if not url:
        raise CannotRemove(
            f"{OWNER_URL} is not set. Only the owner of the journal's tables may remove entries, and their password "
            "belongs in no configuration: export it for this one command."
        )
    return SecretStr(url)


def _sealing(at: Here) -> Callable[[], object]:
    return lambda: seal_and_anchor(at.journal(), places(at.config.record), say)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
