"""When a request is made again, and how long is waited before."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from time import monotonic, sleep, time
from typing import TypeVar

import httpx
from tenacity import (
    Future,
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from tasks.web.exchange import Answer

E = TypeVar("E", bound=BaseException)

TOO_MANY = 429
# What passes by itself: too slow, too many, a gateway without its server; 520 to 524 are Cloudflare's words for that,
# and 529 is Anthropic's. Not 500: most often it is the request's own fault.
MAY_PASS = frozenset({408, 425, TOO_MANY, 502, 503, 504, *range(520, 525), 529})
# A reset above it is a moment in Unix time; as a wait it would be 31 years.
LEAST_MOMENT = 1e9

# AWS' "full jitter": many who were refused at once do not come back at once.
_jitter = wait_random_exponential(multiplier=0.5, max=4)


def again(ask: Callable[[], Answer], *, attempts: int, until: float) -> Answer:
    """The answer of `ask`, called again while what is wrong may pass, up to `attempts` times.

    A wait that would end after `until` (of time.monotonic()) is not begun: the last answer stands, or what was raised
    last.
    """
    asked: Answer = Retrying(
        retry=retry_if_exception(may_pass) | retry_if_result(lambda answer: answer.status in MAY_PASS),
        stop=stop_after_attempt(attempts) | stop_before_delay(until - monotonic()),
        wait=_wait,
        sleep=sleep,
        retry_error_callback=lambda state: _outcome(state).result(),
    )(ask)
    return asked


def may_pass(error: BaseException) -> bool:
    """Can the next connection be better? Not where the certificate is wrong, or the request itself."""
    passing = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
    return isinstance(error, passing) and wrong_certificate(error) is None


def wrong_certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """What TLS had against the server's certificate, where that lies beneath `error`."""
    return cause(error, ssl.SSLCertVerificationError)


def cause(error: BaseException, kind: type[E]) -> E | None:
    """`error`, or the nearest beneath it, that is of this kind."""
    beneath: BaseException | None = error
    while beneath is not None and not isinstance(beneath, kind):
        beneath = beneath.__cause__ or beneath.__context__
    return beneath


def wait_asked_for(status: int, headers: Mapping[str, str], resets: Iterable[str]) -> float | None:
    """For how many seconds the server wants no request: Retry-After, else on 429 the header that tells the reset.

    Other answers tell the reset, too, without meaning that anybody should wait. Moments are read by the server's own
    clock, where it sends that.
    """
    now = _moment(headers.get("date", "")) or time()
    told = headers.get("retry-after", "")
    wait = _seconds(told)
    if wait is None and (moment := _moment(told)) is not None:
        wait = max(0.0, moment - now)
    if wait is not None or status != TOO_MANY:
        return wait
    reset = next((seconds for name in resets if (seconds := _seconds(headers.get(name, ""))) is not None), None)
    return max(0.0, reset - now) if reset is not None and reset >= LEAST_MOMENT else reset


def _wait(state: RetryCallState) -> float:
    outcome = _outcome(state)
    asked = None if outcome.failed else outcome.result().asks_to_wait_s
    return (asked or 0.0) + _jitter(state)


def _outcome(state: RetryCallState) -> Future:
    if state.outcome is None:
        raise AssertionError("tenacity decides before anything was tried")
    return state.outcome


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    # A number with three hundred digits is no wait, and no sentence.
    return seconds if 0 <= seconds < 2**53 else None


def _moment(text: str) -> float | None:
    """Unix time of an HTTP date; None where it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
