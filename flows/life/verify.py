"""Recovered: the questions that found the fault now answer OK, for a hold time. There is no second meaning."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from flows.case.bodies import finding_body, finding_from
from flows.case.case import ENGINE, Case, Ending
from flows.journal import kinds
from flows.life.diagnose import ask_all, worst
from flows.told.show import worsened
from runbooks.model import AnyCheck
from tasks.model import Finding, Row, Verdict


def verify(
    case: Case,
    must: Sequence[AnyCheck],
    also: Sequence[AnyCheck],
    judge: Callable[[Mapping[AnyCheck, Finding]], Ending],
    *,
    wait: bool,
) -> Ending:
    """Ask again, with `wait` until `must` answered OK for `hold` or the time is up; `judge` hears `also` as well."""
    ended = case.log.get("verify/ended")
    if ended is None:
        found = _wait(case, must) if wait else {}
        found |= ask_all(case, [asked for asked in dict.fromkeys([*must, *also]) if asked not in found])
        # Or the next watch would compare with the diagnosis, and see the fault's own numbers again.
        case.measure(found)
        ending = judge(found)
        body: Row = {asked.name: finding_body(finding) for asked, finding in found.items()}
        worse = _worse(case.diagnosed(), found)
        ended = case.record("verify/ended", kinds.Verified(ending=ending.value, findings=body, worse=worse))
    return Ending(str(ended.body["ending"]))


def verified(case: Case) -> dict[AnyCheck, Finding]:
    """The answers the ending rests on."""
    ended = case.log.get("verify/ended")
    bodies: Any = ended.body["findings"] if ended else {}
    return {asked: finding_from(bodies[asked.name]) for asked in case.runbook.checks if asked.name in bodies}


def closing(case: Case, ending: Ending) -> str:
    """The closing sentence, with what is worse now than it was when the work began."""
    return f"{case.says(ending)} {got_worse(case)}".strip()


def got_worse(case: Case) -> str:
    """What the verification saw worse than the diagnosis had; empty if nothing."""
    ended = case.log.get("verify/ended")
    return worsened(ended.body) if ended else ""


def _worse(before: Mapping[AnyCheck, Finding], now: Mapping[AnyCheck, Finding]) -> list[Row]:
    return [
        {"check": asked.name, "was": before[asked].verdict.name, "is": finding.verdict.name, "says": finding.says}
        for asked, finding in now.items()
        if asked in before and finding.verdict > before[asked].verdict
    ]


def _wait(case: Case, must: Sequence[AnyCheck]) -> dict[AnyCheck, Finding]:
    """Look again and again; the last look is the one that counts."""
    verification = case.runbook.verification
    override = case.environment.verification_hold_s
    hold = verification.hold if override is None else timedelta(seconds=override)
    started = case.log.once("verify/started", ENGINE, lambda: kinds.Verifying(hold_s=hold.total_seconds()))
    # Clocks are set, and differ from machine to machine: what passes within this life is measured by a steady one.
    begun = time.monotonic() - case.log.age_s(started)
    # A hold that is shorter than half a second is over at the second look.
    pause = min(5.0, max(min(0.5, hold.total_seconds()), hold.total_seconds() / 6))
    green_since: float | None = None
    case.say(f"Verifying: the same questions must answer OK for {hold.total_seconds():g} s.")
    while True:
        found = ask_all(case, must)
        asked_at = time.monotonic()
        green_since = (green_since or asked_at) if worst(found.values()) is Verdict.OK else None
        held = green_since is not None and asked_at - green_since >= hold.total_seconds()
        # Only the beginning has to be in time: a run taken up late still looks for as long as `hold`.
        late = green_since is None and asked_at - begun > verification.within.total_seconds()
        if held or late:
            return found
        time.sleep(pause)
