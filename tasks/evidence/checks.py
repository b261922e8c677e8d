"""What we ask about evidence: is what the logs say now kept, and is what was kept still what it was?"""

from __future__ import annotations

import math
import time

from tasks.amounts import stretch
from tasks.check import check
from tasks.evidence.custody import Broken
from tasks.evidence.system import EvidenceFolder, mark
from tasks.logs.system import Logs
from tasks.model import Finding, Verdict

# What was written after it may be turned away, or rewritten by whoever broke in.
OLD_S = 3600.0


@check
def check_evidence_kept(logs: Logs, evidence: EvidenceFolder) -> Finding:
    """Is a copy kept of what the logs say now, and is every copy what it was?

    For whoever looks into an attack. That nothing was kept within an hour is a warning: of a false alarm nothing need
    be. A copy that is not what was kept is BAD; the newest are compared with their hashes, and every line of the
    custody with the one before it.
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
        else f"Every log was kept, the oldest copy {stretch(age_s)} ago."
    )
    return Finding(
        verdict=Verdict.BAD if wrong else Verdict.WARN if age_s >= OLD_S else Verdict.OK,
        says=f"{wrong[0]}: it is not what was kept. {says}" if wrong else says,
        value=None if math.isinf(age_s) else age_s,
        unit="s",
        facts={"copies": len([one for one in records if "file" in one])},
        rows=[{"copy": one} for one in wrong[:10]],
    )
