"""Restart machines at Fly: exactly those whose own checks fail, one after the other."""

from __future__ import annotations

import time

from tasks.action import Action
from tasks.fly.system import Fly, Machine
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row

# A machine starts in seconds; its checks have a grace period of their own before they count.
SERVES_WITHIN_S = 60.0
# All together; what is not begun by then is left, and said.
WITHIN_S = 300.0


class RestartFlyMachines(Action):
    """Restart the machines at Fly whose checks fail.

    One after the other; each has to pass its checks before the next one is begun. Machines that are well, stopped or
    suspended are not touched.
    """

    undo = NoWayBack(loses="Requests under way on those machines break off; what they keep in memory only is gone.")
    two_people_above = 0.5
    narrows = True

    def plan(self, fly: Fly) -> Plan:
        machines = [one for one in fly.machines() if one.state != "destroyed"]
        ill = [one for one in machines if one.is_ill]
        does = f"Restart {len(ill)} of {len(machines)} machines of {fly.address}, one after the other."
        return Plan(
            does=does if ill else f"{fly.address}: no machine runs whose checks fail.",
            commands=tuple(Command(line=fly.line(one.id), target=_target(fly, one)) for one in ill),
            blast_radius=BlastRadius(touched=len(ill), total=len(machines), noun="machines"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=[{"machine": one.id, "region": one.region, "failing": dict(one.failing)} for one in ill],
            language="sh",
        )

    def apply(self, fly: Fly, plan: Plan) -> Outcome:
        until, done, left = time.monotonic() + WITHIN_S, list[Row](), list[Row]()
        for command in plan.commands:
            machine = str(command.target["machine"])
            why = "there was no time left" if time.monotonic() > until else _changed(fly, command.target)
            if why:
                left.append({**command.target, "why": why})
                continue
            try:
                fly.restart(machine)
                serves, why = fly.serving(machine, SERVES_WITHIN_S), ""
            except Refused as error:
                left.append({**command.target, "why": error.says})
                continue
            except CannotLook as error:
                serves, why = False, error.says
            done.append({"machine": machine, "serves": serves, "why": why})
            if not serves:
                # The next one would not be any better off, and is one less that may serve.
                break
        begun = {str(row["machine"]) for row in done}
        known = {str(row["machine"]): str(row["why"]) for row in left}
        rest = [command.target for command in plan.commands if command.target["machine"] not in begun]
        well = [row for row in done if row["serves"]]
        told = "; ".join(f"{machine}: {why}" for machine, why in known.items())
        return Outcome(
            says=f"{len(done)} of {len(plan.commands)} machines were restarted, {len(well)} pass their checks."
            + (f" Left alone: {told}." if told else ""),
            complete=len(well) == len(plan.commands),
            rows=done,
            not_done=rest,
        )

    def applied(self, fly: Fly, plan: Plan) -> bool | None:
        try:
            now = [(command.target, fly.machine(str(command.target["machine"]))) for command in plan.commands]
        except CannotLook:
            return None
        moved = [one is not None and one.newest_event > _moment(target) for target, one in now]
        if not any(moved):
            return False
        # Something happened to them since: whether it was this restart, their events do not say.
        return True if all(one is not None and one.state == "started" and not one.failing for _, one in now) else None


def _target(fly: Fly, one: Machine) -> Row:
    return {"app": fly.app, "machine": one.id, "instance": one.instance, "newest_event": one.newest_event}


def _moment(target: Row) -> float:
    told = target["newest_event"]
    return float(told) if isinstance(told, int | float) else 0.0


def _changed(fly: Fly, target: Row) -> str:
    """Why this machine is not restarted any more; empty: it is as it was planned."""
    try:
        now = fly.machine(str(target["machine"]))
    except Refused as error:
        return error.says
    if now is None:
        return "it is gone"
    if now.instance != target["instance"] or now.newest_event != _moment(target):
        return "it was changed or started anew since"
    return "" if now.is_ill else "its checks pass by now, or it does not run"
