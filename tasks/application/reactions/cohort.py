"""The mails of a stretch of time, and to how many of them something happened."""

from __future__ import annotations

from datetime import datetime

from tasks.application.system import ApplicationDatabase
from tasks.mail.limits import LEAST_MAILS
from tasks.postgres.values import number
from tasks.rates import Rate


def reacted(
    application: ApplicationDatabase, query: str, since: datetime, until: datetime, least: int = LEAST_MAILS
) -> Rate:
    """Of the mails that went out from `since` until before `until`, to how many it happened (`query`), whenever.

    Raises:
        CannotLook, Refused: no answer, or what it takes is not mapped.
    """
    row = application.rows(query, since=since, until=until)[0]
    return Rate(part=int(number(row["reacted"])), whole=int(number(row["mails"])), least=least)
