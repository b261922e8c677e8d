"""What we ask about evidence: is what the logs say now kept, and is what was kept still what it was?"""

from __future__ import annotations

import math
import time

from tasks.amounts import stretch
from tasks.check import check
from tasks.evidence.custody import Broken
from tasks.evidence.system import EvidenceFolder, mark
from tasks.logs.system import Logs
from tasks.model import Finding, Threshold, Verdict

KEPT = Threshold(
    warn=1800,
    bad=3600,
    because="Owner: whoever is responsible for security. Seconds since a log was kept last: what was written after "
    "that may be turned away, or rewritten by whoever broke in.",
)


@check
def check_evidence_kept(logs: Logs, evidence: EvidenceFolder, kept: Threshold = KEPT) -> Finding:
    """Is a copy kept of what the logs say now, and is every copy what it was?

    For whoever looks into an attack: that nothing is kept is BAD. The newest copies are compared with their hashes, and
    every line of the custody with the one before it.
    """
    try:
        records, wrong = evidence.records(), evidence.altered()
    except Broken as error:
        return Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
    taken = [one for one in records if "mark" in one]
    ages = {
        str(log.path): time.time()
        - max((float(one["at_s"]) for one in taken if one["mark"] == mark(log)), default=-math.inf)
        for log in logs.files
    }
    oldest = max(ages, key=lambda path: ages[path])
    age_s = ages[oldest]
    says = (
        f"Nothing of {oldest} was ever kept."
        if math.isinf(age_s)
        else f"Every log was kept, the oldest copy {stretch(age_s)} ago (bad from {stretch(kept.bad)})."
    )
    return Finding(
        verdict=Verdict.BAD if wrong else kept.judge(age_s),
        says=f"{wrong[0]}: it is not what was kept. {says}" if wrong else says,
        value=None if math.isinf(age_s) else age_s,
        unit="s",
        facts={"copies": len([one for one in records if "file" in one])},
        rows=[{"copy": one} for one in wrong[:10]],
    )
