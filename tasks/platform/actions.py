"""The way back to the version before, wherever it is deployed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.action import Action
from tasks.amounts import stretch
from tasks.excerpt import excerpt
from tasks.model import BlastRadius, CannotLook, Command, Outcome, Plan, Refused, Risk, Row
from tasks.platform.platform import Deployment, Platform

# The hosted ones take seconds (their own pages on roll backs); a container has to be stopped and started.
SERVES_WITHIN_S = 120.0
POLL_S = 1.0


class RollBack(Action):
    """Let the version before serve again.

    Its users get the older version, with the data and settings of now. It is no cure: what was deployed last has to be
    mended, or it comes again with the next deployment.
    """

    def plan(self, platform: Platform) -> Plan:
        found = platform.deployments()
        live = _live(platform, found)
        before = next((one for one in found if one.at < live.at and one.returnable and not one.failed), None)
        if before is None:
            return _plan(platform, f"{platform.address}: no version before {named(live)} can be returned to.", live)
        does = (
            f"Let {named(before)} of {_ago(before)} serve {platform.address} instead of {named(live)} of {_ago(live)}."
        )
        newest = next(one for one in found if not one.failed and not one.under_way)
        if newest.id != live.id:
            does += f" What serves is not the newest as it is: {named(newest)} of {_ago(newest)} was taken back before."
        return _plan(platform, does, live, before)

    def apply(self, platform: Platform, plan: Plan) -> Outcome:
        return put_in_service(platform, plan)

    def applied(self, platform: Platform, plan: Plan) -> bool | None:
        return serves(platform, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - the plan says it all
        """Let the version that was taken back serve again."""
        target = plan.commands[0].target
        return ServeAgain(now=str(target["to"]), back=str(target["from"]))


class ServeAgain(Action):
    """Let the version that was taken back serve again.

    Only while the one that replaced it serves still: what somebody deployed since stays.
    """

    def __init__(self, now: str, back: str) -> None:
        """Ids of deployments: of the one that serves, and of the one that did."""
        self.now, self.back = now, back

    def plan(self, platform: Platform) -> Plan:
        found = platform.deployments()
        live = _live(platform, found)
        back = next((one for one in found if one.id == self.back), None)
        if live.id != self.now or back is None:
            what = f"{named(live)} serves by now" if live.id != self.now else "that version is not kept any more"
            return _plan(platform, f"{platform.address}: nothing to put back, {what}.", live)
        return _plan(
            platform, f"Let {named(back)} serve {platform.address} again instead of {named(live)}.", live, back
        )

    def apply(self, platform: Platform, plan: Plan) -> Outcome:
        return put_in_service(platform, plan)

    def applied(self, platform: Platform, plan: Plan) -> bool | None:
        return serves(platform, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - the plan says it all
        """Let the version before serve again."""
        target = plan.commands[0].target
        return ServeAgain(now=str(target["to"]), back=str(target["from"]))


def put_in_service(platform: Platform, plan: Plan) -> Outcome:
    """Let the planned deployment serve, and wait until it does.

    Raises:
        Refused: another one serves by now than when it was planned. CannotLook: the platform does not answer.
    """
    (command,) = plan.commands
    then, to = str(command.target["from"]), str(command.target["to"])
    live = platform.live()
    if live.id != then:
        raise Refused(
            f"{platform.address}: {named(live)} serves by now, and not {excerpt(then, 80)} as when it was planned.",
            remedy="Somebody deploys at this moment. Open the incident again when they are done.",
        )
    began = time.monotonic()
    platform.serve(to)
    while not (there := serves(platform, plan)) and time.monotonic() - began < SERVES_WITHIN_S:
        time.sleep(POLL_S)
    took = f"after {time.monotonic() - began:.0f} s"
    says = f"{excerpt(to, 80)} serves {took}." if there else f"{excerpt(to, 80)} is taken, and does not serve {took}."
    return Outcome(says=says, complete=bool(there))


def serves(platform: Platform, plan: Plan) -> bool | None:
    """Does what was planned serve? None: it cannot be told."""
    try:
        return platform.live().id == str(plan.commands[0].target["to"])
    except CannotLook:
        return None


def shown(one: Deployment) -> Row:
    """A deployment, as a row of evidence."""
    return {
        "deployment": excerpt(one.id, 100),
        "version": excerpt(one.version, 100),
        "at": one.at.isoformat(timespec="seconds"),
        "by": excerpt(one.by, 80),
        "serves": one.live,
        "failed": excerpt(one.failed, 200),
    }


def _live(platform: Platform, found: Sequence[Deployment]) -> Deployment:
    serving = [one for one in found if one.live]
    if len(serving) != 1:
        raise Refused(
            f"{platform.address}: {len(serving)} versions serve, and what to return from is not clear.",
            remedy="Finish or cancel the deployment that is under way there, then look again.",
        )
    return serving[0]


def _plan(platform: Platform, does: str, live: Deployment, to: Deployment | None = None) -> Plan:
    commands: tuple[Command, ...] = ()
    if to is not None:
        target = {"platform": platform.kind, "application": platform.address, "from": live.id, "to": to.id}
        commands = (Command(line=platform.line(to.id), target=target),)
    return Plan(
        does=does,
        commands=commands,
        blast_radius=BlastRadius(touched=len(commands), total=1, noun="application"),
        risk=Risk.MODERATE,
        loses=platform.keeps,
        evidence=[shown(one) for one in (live, to) if one is not None],
        language="http",
    )


def named(one: Deployment) -> str:
    """A deployment in a sentence: what people call it."""
    return excerpt(one.version or one.id, 80)


def _ago(one: Deployment) -> str:
    return f"{stretch((datetime.now(UTC) - one.at).total_seconds())} ago"
