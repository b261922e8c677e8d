"""The mails of a stretch of time, and to how many of them something happened."""

from __future__ import annotations

from datetime import datetime

from tasks.application.rates import Rate
from tasks.application.system import ApplicationDatabase
from tasks.postgres.values import number

# Of fewer mails one reader moves the rate by half a percent.
LEAST_MAILS = 200


def reacted(
    application: ApplicationDatabase, query: str, since: datetime, until: datetime, least: int = LEAST_MAILS
) -> Rate:
    """Of the mails that went out from `since` until before `until`, to how many it happened (`query`), whenever.

    Raises:
        CannotLook, Refused: no answer, or what it takes is not mapped.
    """
    row = application.rows(query, since=since, until=until)[0]
    return Rate(part=int(number(row["reacted"])), whole=int(number(row["mails"])), least=least)
