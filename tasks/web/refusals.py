"""What is said when no answer came, or none that helps: the words that are the same for every vendor."""

from __future__ import annotations

import httpx

from tasks.model import CannotLook, Refused
from tasks.web.exchange import Answer, Limits, Request
from tasks.web.retry import MAY_PASS, TOO_MANY, cause, wrong_certificate

# Raised before the server got to see anything of the request.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.LocalProtocolError)


def no_answer(error: httpx.HTTPError, name: str, limits: Limits, *, late: bool, remedy: str) -> CannotLook:
    """Words for what went wrong below HTTP; `late`: the total was over by then. `remedy` is the vendor's own."""
    if late:
        return CannotLook(f"{name} did not answer within {limits.total_s:g} s.")
    if isinstance(error, httpx.TimeoutException):
        return CannotLook(f"{name} did not answer within {_waited_s(error, limits):g} s.")
    certificate = wrong_certificate(error)
    if certificate is not None:
        return Refused(
            f"{name} shows a certificate that we do not trust: {certificate.verify_message.rstrip('.')}.",
            remedy='If its authority is your own, name it: tls = { ca_file = "/path/to/ca.pem" }.',
        )
    beneath = cause(error, OSError)
    if isinstance(error, httpx.ConnectError) and beneath is not None:
        # In the system's words: refused, no such name, no way there.
        said = getattr(beneath, "reason", None) or beneath.strerror or str(beneath)
        return CannotLook(f"{name} cannot be reached: {said}.", remedy=remedy)
    return CannotLook(f"{name} cannot be read: {type(error).__name__}.", remedy=remedy)


def of_status(status: int, name: str) -> CannotLook:
    """Words for a refusal of which the vendor's folder says nothing."""
    if status in (401, 403):
        return Refused(
            f"{name} refuses us ({status}).",
            remedy="Look whether the key was revoked, has expired or lacks a right, and set it anew.",
        )
    if status == TOO_MANY:
        return CannotLook(f"{name} answers 429: it was asked too often.")
    if status >= 500 or status in MAY_PASS:
        return CannotLook(f"{name} answers {status}: it is in trouble itself.")
    return Refused(f"{name} answers {status}.", remedy="Correct `url`, or the name that was asked for.")


def is_undecided(request: Request, came: Answer | httpx.HTTPError) -> bool:
    """May a change have been made, although it failed? Then nobody should make it again without looking."""
    if request.is_repeatable:
        return False
    return came.status >= 500 if isinstance(came, Answer) else not isinstance(came, UNSENT)


def _waited_s(error: httpx.TimeoutException, limits: Limits) -> float:
    waits: dict[type[httpx.TimeoutException], float] = {
        httpx.ConnectTimeout: limits.connect_s,
        httpx.WriteTimeout: limits.write_s,
        httpx.PoolTimeout: limits.pool_s,
    }
    return waits.get(type(error), limits.read_s)
