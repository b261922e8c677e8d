"""The service: alerts in, its health and its metrics. It answers when what was sent is stored or refused."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, SecretStr

from deployments.intake.clockwork import Clockwork, clockwork
from deployments.intake.delivery import LARGEST, STATUS, Delivery, Refused, Why
from deployments.intake.intake import Accepted, Intake
from deployments.intake.metrics import exposition, series_exposition
from deployments.intake.source import same
from deployments.intake.standing import Standing, standing
from deployments.intake.trial import Arrival, tried
from flows.told.words import plain

# A body comes within this time, or not at all.
SENT_WITHIN_S = 10.0
# Senders try again by themselves; later than this nobody has to.
RETRY_AFTER_S = "5"
JSON = ("application/json", "application/vnd.api+json")

logger = logging.getLogger("intake")


class Taken(BaseModel):
    """One alert: its number here, and whether it joined an incident that is open, or opens one, or neither."""

    alert: int
    opening: int | None
    joined: bool


class Answer(BaseModel):
    """What became of a delivery. `replayed`: it was here before, and nothing happened."""

    alerts: list[Taken]
    replayed: bool


class Refusal(BaseModel):
    """Nothing was kept. Why is in our own log."""

    detail: str = "refused"


REFUSED: dict[str, Any] = {"model": Refusal, "description": "Refused; nothing was kept."}
# Of what is no address of ours, and of one that is too long, no more is told.
REFUSALS: dict[int | str, dict[str, Any]] = dict.fromkeys(sorted({*STATUS.values(), 404, 422}), REFUSED)
SENT = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
UNPROVED = {
    "description": REFUSED["description"],
    "content": {"application/json": {"schema": Refusal.model_json_schema()}},
}
STATUS_REFUSED: dict[int | str, dict[str, Any]] = dict.fromkeys((401, 422, 429, 503), REFUSED)
METRICS_REFUSED: dict[int | str, dict[str, Any]] = {401: UNPROVED, 503: UNPROVED}
TEXT = {"description": "For Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}}
Name = Annotated[str, Path(max_length=100, description="The source's name in the configuration.")]
Key = Annotated[str, Path(max_length=500, description="A secret, for senders that can give it nowhere else.")]


def application(intake: Intake) -> FastAPI:
    """The service over this intake. It has no documentation pages: whoever finds the address learns nothing."""
    # No redirects: Alertmanager follows one without the body, and takes the alert for delivered.
    app = FastAPI(title="Incident Pipelines: alerts in", docs_url=None, redoc_url=None, redirect_slashes=False)

    @app.post("/alerts/{source}", responses=REFUSALS, response_model=Answer, openapi_extra=SENT)
    async def receive(source: Name, request: Request) -> JSONResponse:
        return await _receive(intake, source, "", request)

    @app.post("/alerts/{source}/{key:path}", responses=REFUSALS, response_model=Answer, openapi_extra=SENT)
    async def receive_with_key(source: Name, key: Key, request: Request) -> JSONResponse:
        return await _receive(intake, source, key, request)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "up"}

    @app.get("/metrics", responses={200: TEXT, 401: UNPROVED}, response_class=PlainTextResponse)
    async def metrics(request: Request) -> PlainTextResponse:
        return await _told(intake, request, exposition)

    @app.get("/metrics/series", responses={200: TEXT, **METRICS_REFUSED}, response_class=PlainTextResponse)
    async def series(request: Request) -> PlainTextResponse:
        return await _told(intake, request, series_exposition)

    @app.get("/sources", responses=STATUS_REFUSED, response_model=Standing)
    async def sources(request: Request) -> Standing:
        _refuse_stranger(request, intake.settings.listening.status_secret, "status")
        return await run_in_threadpool(standing, intake)

    @app.get("/clock", responses=STATUS_REFUSED, response_model=Clockwork)
    async def clock(request: Request) -> Clockwork:
        _refuse_stranger(request, intake.settings.listening.status_secret, "status")
        return await run_in_threadpool(clockwork)

    # Not `source`: what is refused here is no delivery of that source.
    @app.post("/sources/{name}/test", responses=STATUS_REFUSED, response_model=Arrival)
    async def test(name: Name, request: Request) -> Arrival:
        _refuse_stranger(request, intake.settings.listening.status_secret, "status")
        return await run_in_threadpool(tried, intake, intake.source(name))

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return _refused(intake, request, error)

    @app.exception_handler(RequestValidationError)
    async def no_address(_request: Request, _error: RequestValidationError) -> JSONResponse:
        # FastAPI's own answer would repeat the address, which may hold a secret.
        return JSONResponse(Refusal().model_dump(), 422)

    return app


async def _told(intake: Intake, request: Request, exposed: Callable[[Intake], bytes]) -> PlainTextResponse:
    """To whoever has the secret of the metrics; the database is asked beside the thread that takes alerts."""
    _refuse_stranger(request, intake.settings.listening.metrics_secret, "metrics")
    text = await run_in_threadpool(exposed, intake)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _refuse_stranger(request: Request, secret: SecretStr | None, what: str) -> None:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if secret is None or not same(given, secret.get_secret_value()):
        raise Refused(Why.UNPROVED, what)


async def _receive(intake: Intake, name: str, key: str, request: Request) -> JSONResponse:
    source = intake.source(name)
    given = request.headers
    doubled = frozenset(name for name in given if len(set(given.getlist(name))) > 1)
    delivery = Delivery(headers=dict(given), doubled=doubled, body=b"", key=key, received_s=time.time())
    if source.proved_by_head:
        source.verify(delivery)
    async with intake.reading:
        delivery = dataclasses.replace(delivery, body=await _body(request))
    accepted = await run_in_threadpool(intake.accept, source, delivery)
    # Not the model itself: FastAPI would look at every field of ours once more.
    return JSONResponse(Answer(alerts=list(_taken(accepted)), replayed=accepted.replayed).model_dump())


def _taken(accepted: Accepted) -> Iterator[Taken]:
    for one in accepted.alerts:
        yield Taken(alert=one.alert, opening=one.opening, joined=one.joined)


async def _body(request: Request) -> bytes:
    """The raw bytes, within the limits; what is compressed is not opened."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in JSON:
        raise Refused(Why.WRONG_TYPE)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(Why.WRONG_TYPE, "compressed")
    if int(request.headers.get("content-length", "0")) > LARGEST:
        raise Refused(Why.TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(SENT_WITHIN_S):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST:
                    raise Refused(Why.TOO_LARGE)
    except TimeoutError as error:
        raise Refused(Why.TOO_SLOW) from error
    return bytes(body)


def _refused(intake: Intake, request: Request, error: Refused) -> JSONResponse:
    name = request.path_params.get("source", "")
    known = name if name in intake.settings.sources else ""
    intake.counts.refuse(known, error.why)
    # Nothing that was sent is written: who sent it, and what we think of it.
    sender = request.client.host if request.client else "?"
    logger.warning("refused %s from %s: %s", known or "?", plain(sender), error)
    status = STATUS[error.why]
    headers = {"retry-after": RETRY_AFTER_S} if status in (429, 503) else {}
    return JSONResponse(Refusal().model_dump(), status, headers)
