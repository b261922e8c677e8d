"""To how many of each running campaign's mails something happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tasks.application.system import ApplicationDatabase
from tasks.mail.limits import LEAST_MAILS
from tasks.postgres.values import number
from tasks.postgres.words import count
from tasks.rates import Rate

# Weeks are read at seed S3's capacity in less; a day in milliseconds.
PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Reacted:
    """A running campaign, and of how many of its mails it is told."""

    campaign: str
    name: str
    rate: Rate


def reacted_by_campaign(
    application: ApplicationDatabase, query: str, since: datetime, until: datetime
) -> list[Reacted]:
    """Of the mails that went out from `since` until before `until`; the campaign with the highest rate first.

    Raises:
        CannotLook, Refused: no answer, or a name is not mapped.
    """
    return [
        Reacted(
            campaign=str(row["campaign"]),
            name=f"{row.get('name') or 'campaign'} ({row['campaign']})",
            rate=Rate(part=int(number(row["reacted"])), whole=int(number(row["mails"])), least=LEAST_MAILS),
        )
        for row in application.patient(PATIENCE_S).rows(query, since=since, until=until)
    ]


def judged(rates: Sequence[Rate]) -> str:
    """'22 running campaigns (2 with fewer than 200 mails: too few to judge)', one rate each."""
    few = sum(not rate.enough for rate in rates)
    told = f" ({few:,} with fewer than {LEAST_MAILS} mails: too few to judge)" if few else ""
    return f"{count(len(rates), 'running campaign')}{told}"
