"""The settings by which an application lets its mails go out: the emergency stop, and how many a run may send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tasks.application.control.queries import SETTING
from tasks.application.days import moment
from tasks.application.system import ApplicationDatabase
from tasks.model import Refused, Row
from tasks.postgres.words import span

WRITE = "Write in environments.toml, under settings of the application:"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row, as it stands now; `value` as a text."""

    key: str
    value: str
    stops: bool
    changed_at: datetime | None
    changed_by: str
    reason: str

    def said(self, now: datetime) -> str:
        """'set 5 min ago by ana: “a wrong list”', as far as the application keeps it."""
        since = f"set {span((now - self.changed_at).total_seconds())} ago" if self.changed_at else "set"
        by = f" by {self.changed_by}" if self.changed_by else ""
        return f"{since}{by}{f': “{self.reason}”' if self.reason else ''}"


def emergency_stop(application: ApplicationDatabase) -> Setting:
    """The switch for all mail.

    Raises:
        Refused: it is not mapped, or has no row; CannotLook: no answer.
    """
    key = application.settings.stop if application.settings else None
    if key is None and application.settings is not None:
        raise Refused("Nobody has said which setting is the emergency stop.", f'{WRITE}\n\nstop = "emergency_stop"')
    return _one(application, key or "")


def run_limit(application: ApplicationDatabase) -> Setting:
    """How many mails a run of the sender may send.

    Raises:
        Refused: it is not mapped, has no row, or is no whole number; CannotLook: no answer.
    """
    key = application.settings.per_run if application.settings else None
    if key is None and application.settings is not None:
        raise Refused(
            "Nobody has said which setting limits a run of the sender, so mail could only be resumed all at once.",
            f'{WRITE}\n\nper_run = "max_emails_per_run"',
        )
    return _number(application, _one(application, key or ""))


def at_once(application: ApplicationDatabase, vendor: str) -> Setting:
    """How many requests to `vendor` the application makes at once.

    Raises:
        Refused: it is not mapped, has no row, or is no whole number; CannotLook: no answer.
    """
    key = application.settings.at_once.get(vendor) if application.settings else None
    if key is None and application.settings is not None:
        raise Refused(
            f"Nobody has said which setting limits how many requests to {vendor} run at once.",
            f'{WRITE}\n\nat_once = {{ {vendor} = "{vendor}_concurrency" }}',
        )
    return _number(application, _one(application, key or ""))


def _number(application: ApplicationDatabase, found: Setting) -> Setting:
    if not (found.value.isascii() and found.value.isdigit() and len(found.value) <= 9):
        raise Refused(f"{application.address}: the setting {found.key!r} holds {found.value[:40]!r}, no whole number.")
    return found


def _one(application: ApplicationDatabase, key: str) -> Setting:
    rows = application.rows(SETTING, setting=key)
    if len(rows) != 1:
        found = "no row" if not rows else "several rows"
        raise Refused(
            f"{application.address} has {found} for the setting {key!r}.",
            remedy="It is changed where it stands, never added: have the application write it once, so that the switch "
            "is there on the day it is needed.",
        )
    return _setting(key, rows[0])


def _setting(key: str, row: Row) -> Setting:
    return Setting(
        key=key,
        value=str(row["value"]),
        stops=bool(row["stops"]),
        changed_at=moment(row["changed_at"]) if row.get("changed_at") else None,
        changed_by=str(row.get("changed_by") or ""),
        reason=str(row.get("reason") or ""),
    )
