"""What we ask Fly about the machines of an app."""

from __future__ import annotations

from tasks.check import check
from tasks.fly.system import STARTED, STOPPED, SUSPENDED, Fly, Machine
from tasks.model import Finding, Row, Verdict
from tasks.status_page.checks import reported

# Fly stops and starts machines by itself where an app lets it: a stopped one is no trouble while another one serves.
AT_REST = (STOPPED, SUSPENDED)


@check
def check_fly_machines(fly: Fly) -> Finding:
    """Do the app's machines at Fly run, and do their own checks pass?

    Bad: a machine that runs and whose check is critical, one whose host cannot be reached, or none that runs. What is
    stopped or suspended is somebody's decision, or Fly's, as long as one serves.
    """
    machines = [one for one in fly.machines() if one.state != "destroyed"]
    running = [one for one in machines if one.state == STARTED]
    if not running:
        return Finding(
            verdict=Verdict.BAD,
            says=f"None of the {len(machines)} machines of {fly.address} runs.",
            value=float(len(machines)),
            rows=[_row(one) for one in machines],
        )
    verdicts = {one.id: _judged(one) for one in machines}
    sick = sorted((one for one in machines if verdicts[one.id]), key=lambda one: -verdicts[one.id])
    told = "; ".join(_said(one) for one in sick[:3])
    more = f" and {len(sick) - 3} more" if len(sick) > 3 else ""
    return Finding(
        verdict=max(verdicts.values()),
        says=f"{len(sick)} of {len(machines)} machines of {fly.address} are not well: {told}{more}."
        if sick
        else f"{len(running)} of {len(machines)} machines of {fly.address} run, and their checks pass.",
        value=float(len(sick)),
        unit="machines",
        rows=[_row(one) for one in sick],
    )


@check
def check_fly_status(fly: Fly) -> Finding:
    """Does Fly's status page report trouble?"""
    return reported(fly.status_page)


def _judged(one: Machine) -> Verdict:
    if one.is_ill or one.host == "unreachable":
        return Verdict.BAD
    if one.state in AT_REST:
        return Verdict.OK
    if one.state != STARTED or one.host not in ("ok", "") or one.warning or one.cordoned:
        return Verdict.WARN
    return Verdict.OK


def _said(one: Machine) -> str:
    name = f"{one.name or one.id} in {one.region}"
    if one.failing:
        check, output = next(iter(one.failing.items()))
        return f"{name}, whose check {check} says “{output}”"
    if one.host not in ("ok", ""):
        return f"{name}, whose host is {one.host}"
    if one.state == STARTED:
        return f"{name}, {'cordoned' if one.cordoned else f'with a warning from {one.warning[0]}'}"
    return f"{name}, {one.state}"


def _row(one: Machine) -> Row:
    return {
        "machine": one.id,
        "name": one.name,
        "state": one.state,
        "region": one.region,
        "host": one.host,
        "cordoned": one.cordoned,
        "failing": dict(one.failing),
    }
