"""Recovered: the questions that found the fault now answer OK, for a hold time. There is no second meaning."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from flows.case import ENGINE, Case, Ending, Fate, now
from flows.diagnose import ask_all, worst
from flows.record import finding_body, finding_from
from runbooks.model import AnyCheck
from tasks.model import Finding, Verdict


def verify(case: Case) -> Ending:
    """Ask the same questions again until they answered OK for `hold`, or the time is up."""
    ended = case.log.get("verify/ended")
    if ended is None:
        found = _wait(case) if _something_happened(case) else ask_all(case, case.runbook.diagnosis)
        # Or the next watch would compare with the diagnosis, and see the fault's own numbers again.
        case.measure(found)
        ending = _judge(case, found)
        body = {asked.name: finding_body(finding) for asked, finding in found.items()}
        ended = case.record("verified", "verify/ended", {"ending": ending.value, "findings": body})
    return Ending(str(ended.body["ending"]))


def verified(case: Case) -> dict[AnyCheck, Finding]:
    """The answers the ending rests on."""
    ended = case.log.get("verify/ended")
    bodies: Any = ended.body["findings"] if ended else {}
    return {asked: finding_from(bodies[asked.name]) for asked in case.runbook.diagnosis if asked.name in bodies}


def _fates(case: Case) -> set[Fate | None]:
    return {case.fate(part) for part in case.runbook.resolution}


def _something_happened(case: Case) -> bool:
    """Is there a change to wait for? A moot step may mean that it recovered, unless people said no as well."""
    fates = _fates(case)
    declined = fates & {Fate.REJECTED, Fate.SKIPPED, Fate.EXPIRED}
    return bool(fates & {Fate.APPLIED, Fate.FAILED}) or (Fate.MOOT in fates and not declined)


def _wait(case: Case) -> dict[AnyCheck, Finding]:
    """Look again and again; the last look of all checks is the one that counts."""
    verification = case.runbook.verification
    override = case.environment.verification_hold_s
    hold = verification.hold if override is None else timedelta(seconds=override)
    started = case.log.once(
        "verify/started", kind="verifying", actor=ENGINE, make=lambda: {"hold_s": hold.total_seconds()}
    )
    deadline = datetime.fromisoformat(started.at) + verification.within
    pause = min(5.0, max(0.5, hold.total_seconds() / 6))
    green_since: datetime | None = None
    case.say(f"Verifying: the same questions must answer OK for {hold.total_seconds():g} s.")
    while True:
        found = ask_all(case, case.bad())
        green_since = (green_since or now()) if worst(found.values()) is Verdict.OK else None
        held = green_since is not None and now() - green_since >= hold
        # Only the beginning has to be in time: a run taken up late still looks for as long as `hold`.
        late = green_since is None and now() > deadline
        if held or late:
            return found | ask_all(case, [asked for asked in case.runbook.diagnosis if asked not in found])
        time.sleep(pause)


def _judge(case: Case, found: dict[AnyCheck, Finding]) -> Ending:
    verdicts = {asked: finding.verdict for asked, finding in found.items()}
    if any(verdicts[asked] is Verdict.BAD for asked in verdicts if asked not in case.bad()):
        return Ending.WORSE
    of_fault = {verdicts[asked] for asked in case.bad()}
    if of_fault == {Verdict.OK}:
        return Ending.FIXED if Fate.APPLIED in _fates(case) else Ending.RECOVERED
    return Ending.CANNOT_TELL if Verdict.UNKNOWN in of_fault and Verdict.BAD not in of_fault else Ending.UNCHANGED
