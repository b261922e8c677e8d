"""No check found a fault: is there none, or could nobody look?"""

from __future__ import annotations

from collections.abc import Mapping

from flows.case.case import Ending
from runbooks.model import AnyCheck
from tasks.environment import Environment
from tasks.model import Finding, Verdict


def nothing_found(findings: Mapping[AnyCheck, Finding], place: Environment) -> tuple[Ending, str]:
    """How an incident ends in which nothing is BAD, and the closing sentence.

    A system that is configured and gives no answer may be the very one that is ill: nobody can tell. One that `place`
    does not have at all is not ill; it is named, and the others are believed as long as most questions had somebody to
    ask. Otherwise what the runbook is about is what is missing there.
    """
    unanswered = {asked for asked, finding in findings.items() if finding.verdict is Verdict.UNKNOWN}
    lacking = {asked: kinds for asked in unanswered if (kinds := asked.lacks(place.kinds))}
    told = _told(lacking, len(findings), place)
    if unanswered - lacking.keys():
        says = "No check found a fault, but not all could look. See what to do in the findings."
        return Ending.CANNOT_TELL, f"{says}{told}"
    if lacking and 2 * len(lacking) >= len(findings):
        return Ending.CANNOT_TELL, f"No check found a fault, but hardly any could look.{told}"
    return Ending.NOT_REPRODUCED, f"No check found a fault; nothing was done. What was seen is in the findings.{told}"


def _told(lacking: Mapping[AnyCheck, tuple[str, ...]], of: int, place: Environment) -> str:
    if not lacking:
        return ""
    kinds = sorted({kind for kinds in lacking.values() for kind in kinds})
    which = f"{', '.join(kinds[:-1])} and {kinds[-1]} are" if len(kinds) > 1 else f"{kinds[0]} is"
    return f" {len(lacking)} of {of} had nobody to ask: {which} not configured in {place.name}."
