"""How the sources stand: told to whoever gives the status secret (GET /sources), never a secret of theirs."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pydantic import BaseModel, SecretStr

from deployments.intake.examine import REMEDIES
from deployments.intake.intake import Intake
from deployments.intake.source import Source
from flows.journal.refusals import Refusals
from flows.run.clock import now

# What was refused longer ago was heard of, or mended.
OF_LATE = timedelta(days=1)


class RefusedOnes(BaseModel):
    """Deliveries that were turned away within a day, for one reason."""

    why: str
    number: int
    last: datetime
    remedy: str


class SourceStanding(BaseModel):
    """One source. `last`: of its alerts; `tested`: of the test alerts that arrived.

    `fingerprints` tell its secrets apart: the first eight digits of their SHA-256. `secret_is`: where it has them.
    """

    name: str
    kind: str
    environment: str
    secret_is: str
    fingerprints: list[str]
    last: datetime | None
    tested: datetime | None
    refused: list[RefusedOnes]


class UnreachedRunbook(BaseModel):
    """A runbook that nothing opens in that environment."""

    environment: str
    runbook: str
    says: str


class Standing(BaseModel):
    """All of it, at one moment. `strangers`: refused for a source that is not configured."""

    at: datetime
    address: str
    sources: list[SourceStanding]
    strangers: list[RefusedOnes]
    unreached: list[UnreachedRunbook]


def standing(intake: Intake) -> Standing:
    """As it is now.

    Raises:
        Refused: the database does not answer.
    """
    refused = intake.refused(OF_LATE)
    last, tested = intake.heard(), intake.tested()
    return Standing(
        at=now(),
        address=intake.settings.listening.public,
        sources=[
            SourceStanding(
                name=name,
                kind=source.type,
                environment=source.environment,
                secret_is=_secret_is(source),
                fingerprints=[fingerprint(one) for one in source.secret],
                last=last.get(name),
                tested=tested[name].at if name in tested else None,
                refused=list(_of(name, refused)),
            )
            for name, source in intake.settings.sources.items()
        ],
        strangers=list(_of("", refused)),
        unreached=[
            UnreachedRunbook(environment=one.environment, runbook=one.runbook, says=one.says)
            for one in intake.unreached()
        ],
    )


def fingerprint(secret: SecretStr) -> str:
    """By which people compare two secrets without showing either."""
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()[:8]


def _of(name: str, refused: Iterable[Refusals]) -> Iterator[RefusedOnes]:
    for one in refused:
        if one.source == name:
            yield RefusedOnes(why=one.why, number=one.number, last=one.last, remedy=REMEDIES.get(one.why, ""))


def _secret_is(source: Source) -> str:
    """As its file says it, to whoever configures one."""
    return inspect.cleandoc(type(source).__doc__ or "").partition("\n\n")[0].replace("\n", " ")
