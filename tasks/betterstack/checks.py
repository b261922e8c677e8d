"""What we ask Better Stack."""

from __future__ import annotations

from tasks.alerting import answers
from tasks.betterstack.system import BetterStackApi
from tasks.check import check
from tasks.model import Finding, Verdict

# In Better Stack's own words. What is paused, or never beat yet, is nobody's heart that stopped.
STATUS = {"up": Verdict.OK, "paused": Verdict.OK, "pending": Verdict.WARN, "down": Verdict.BAD}


@check
def check_betterstack_token(betterstack: BetterStackApi) -> Finding:
    """Does Better Stack take our token?

    By reading one incident of the team's. That it may acknowledge is not tried.
    """
    return answers(betterstack.known_as)


@check
def check_heartbeats(betterstack: BetterStackApi) -> Finding:
    """Do the heartbeats beat that Better Stack waits for?

    Ours is `heartbeat` under [health]; those of backups and other jobs are among them.
    """
    hearts = betterstack.heartbeats()
    verdicts = {one: STATUS.get(one.status, Verdict.UNKNOWN) for one in hearts}
    sick = [one for one in hearts if verdicts[one]]
    said = ", ".join(f"{one.name}: {one.status}" for one in sick[:3])
    more = f" and {len(sick) - 3} more" if len(sick) > 3 else ""
    return Finding(
        verdict=max(verdicts.values(), default=Verdict.OK),
        says=f"{len(sick)} of {len(hearts)} heartbeats at Better Stack do not beat: {said}{more}."
        if sick
        else f"All {len(hearts)} heartbeats at Better Stack beat.",
        value=float(len(sick)),
        rows=[{"heartbeat": one.name, "status": one.status} for one in sick],
    )
