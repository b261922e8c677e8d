"""Sending a test alert: to the address that senders use, and looked for in the record, where it has to arrive."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel

from deployments.intake.delivery import Refused, Why
from deployments.intake.intake import Intake
from deployments.intake.marked import marked
from deployments.intake.source import Source
from tasks.model import CannotLook, Json
from tasks.web.door import Door
from tasks.web.exchange import Limits, Place, Request

# As a sender waits; what comes back is ours, or a proxy's page of error.
LIMITS = Limits(total_s=8, attempts=1, redirects=0, most_bytes=100_000)
ANY_STATUS = range(100, 600)
TAKEN = 200


class Arrival(BaseModel):
    """What became of a test alert: `status` is what the address answered, `alert` its number in the record.

    `took_s` is from when it was signed until it was found there.
    """

    source: str
    arrived: bool
    says: str
    status: int | None = None
    alert: int | None = None
    took_s: float | None = None


def tried(intake: Intake, source: Source, clock: Callable[[], float] = time.time) -> Arrival:
    """Send one, as the source would.

    Raises:
        Refused: one was sent just now, or the database does not answer.
    """
    if not intake.tests.admits(source.name):
        raise Refused(Why.TOO_MANY, "test alerts")
    address, began_s = intake.settings.listening.public, clock()
    sample = marked(source, began_s)
    door = Door(place=Place(base=address, limits=LIMITS), words=_none, name=address)
    path = f"{address}/alerts/{sample.path(source.name)}"
    request = Request(
        url=path, method="POST", content=sample.body, headers=dict(sample.headers), taken=ANY_STATUS, fresh=True
    )
    try:
        answer = door.answer(request, door.until())
    except CannotLook as error:
        return Arrival(source=source.name, arrived=False, says=_without(source, error.says))
    if answer.status != TAKEN:
        return Arrival(source=source.name, arrived=False, says=_refused(address, answer.status), status=answer.status)
    kept = intake.tested().get(source.name)
    if kept is None or kept.sent_s < int(began_s * 1000) / 1000:
        says = f"{address} answers 200, and the record has no test alert: somebody else answers there."
        return Arrival(source=source.name, arrived=False, says=says, status=answer.status)
    took_s = round(clock() - began_s, 3)
    says = f"It arrived as alert {kept.alert}, {took_s:.1f} s after it was signed."
    return Arrival(source=source.name, arrived=True, says=says, status=answer.status, alert=kept.alert, took_s=took_s)


def _refused(address: str, status: int) -> str:
    if status in (401, 403):
        return (
            f"{address} answers {status}: what was signed with the configured secret is not believed there. A proxy "
            "drops or changes a header or the body, another intake with other secrets answers, or this one was not "
            "started anew since its secret was changed."
        )
    if 300 <= status < 400:
        return f"{address} answers {status}, a redirect: senders follow it without the body, or not at all."
    return f"{address} answers {status}: senders are told the same."


def _without(source: Source, says: str) -> str:
    for secret in source.secret:
        says = says.replace(secret.get_secret_value(), "•••")
    return says


def _none(_status: int, _body: Json) -> CannotLook | None:
    return None
