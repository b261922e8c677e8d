"""What we ask n8n about itself: does it answer, is it ready, does it take our key."""

from __future__ import annotations

from tasks.check import check
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.n8n.system import GIVE_SCOPES, READS, N8n, lacking, missing_scopes


@check
def check_n8n_answers(n8n: N8n) -> Finding:
    """Does n8n answer, and is the database behind it there?

    Two things: its process answers while its database is gone, and nothing runs then. Whether workflows are active and
    succeed is asked elsewhere.
    """
    try:
        health = n8n.health()
    except Refused:
        raise
    except CannotLook as error:
        # Not seen from here is what its callers see, too.
        return Finding(
            verdict=Verdict.BAD, says=error.says, remedy=error.remedy, facts={"alive": False, "ready": False}
        )
    return Finding(
        verdict=Verdict.OK if health.ready else Verdict.BAD,
        says=f"n8n: {health.says}.",
        facts={"alive": health.alive, "ready": health.ready},
        remedy="" if health.ready else "Look at its log, and whether its database answers.",
    )


@check
def check_n8n_key(n8n: N8n) -> Finding:
    """Does n8n take our key, and may it look at all we ask for?

    By what n8n itself tells of the key. A key that is refused and an API that is switched off look the same from
    outside: n8n answers 401 to both.
    """
    try:
        scopes = n8n.scopes()
    except Refused as error:
        return Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
    if scopes is None:
        return Finding(verdict=Verdict.OK, says="n8n is too old to tell what the key may.")
    missing = missing_scopes(scopes, READS)
    return Finding(
        verdict=Verdict.BAD if missing else Verdict.OK,
        says=lacking(missing) if missing else "n8n takes the key, and it may look at all that is asked for.",
        facts={"missing": sorted(missing)},
        remedy=GIVE_SCOPES if missing else "",
    )
