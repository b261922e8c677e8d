"""Is a way that visitors are sent a good one?"""

from __future__ import annotations

from urllib.parse import urlsplit

from tasks.model import CannotLook, Row, Threshold, Verdict
from tasks.website.system import Endpoint, host_of
from tasks.website.walk import PORTS, Walk, canonical


def is_usual_https(url: str) -> bool:
    """Has the address a sister at http://, at its usual port?"""
    parts = urlsplit(url)
    return parts.scheme == "https" and parts.port in (None, PORTS["https"])


def judged_way(name: str, endpoint: Endpoint, told: Walk | CannotLook, own: frozenset[str], steps: Threshold) -> Row:
    """`name` with where it leads, and what is wrong with that. `own` are the hosts that are the website's."""
    if isinstance(told, CannotLook):
        return _row(name, *_unanswered(name, endpoint, told))
    verdict, said = _trouble(endpoint, told, is_sister=name != endpoint.name, own=own)
    judged = steps.judge(told.steps)
    if not said and judged:
        return _row(name, judged, f"takes {told.steps} steps (bad from {steps.bad:g}): {told.told}", told.steps)
    return _row(name, verdict, said or f"leads to {told.told.rpartition(' → ')[2]}", told.steps)


def _unanswered(name: str, endpoint: Endpoint, told: CannotLook) -> tuple[Verdict, str, int]:
    # Nobody listens at port 80: then nobody is sent astray from there.
    if name != endpoint.name:
        return Verdict.OK, f"is not served ({endpoint.hidden_in(told.says).rstrip('.')})", 0
    return Verdict.BAD, f"leads nowhere: {endpoint.hidden_in(told.says).rstrip('.')}", 0


def _trouble(endpoint: Endpoint, walked: Walk, *, is_sister: bool, own: frozenset[str]) -> tuple[Verdict, str]:
    last = walked.urls[-1]
    if walked.loops:
        return Verdict.BAD, f"leads in a circle, or ever further: {walked.told}"
    if walked.is_unsafe:
        return Verdict.BAD, f"leads from https to http: {walked.told}"
    if not is_sister and endpoint.redirects_to and canonical(last) != canonical(endpoint.redirects_to):
        return Verdict.BAD, f"leads to {walked.told} instead of {endpoint.redirects_to}"
    if is_sister and not walked.steps and walked.last.is_success:
        return Verdict.WARN, "answers without sending on to https: passwords would pass in clear"
    if is_sister and urlsplit(last).scheme == "http" and walked.last.is_success:
        return Verdict.WARN, f"stays without https: {walked.told}"
    if _bare(host_of(last)) not in {_bare(host) for host in own}:
        return Verdict.WARN, f"leads to another host: {walked.told}"
    return Verdict.OK, ""


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")


def _row(name: str, verdict: Verdict, said: str, steps: int) -> Row:
    return {"way": name, "verdict": int(verdict), "said": said, "steps": steps}
