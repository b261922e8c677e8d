"""What every restart of a service shares: how it is planned, done, and known to have happened."""

from __future__ import annotations

from tasks.model import BlastRadius, Command, Outcome, Plan, Refused, Risk, Row
from tasks.service.system import Service

RUNNING, STOPPED = "running", "stopped"


def plan_of(service: Service, does: str, *, noun: str, risk: Risk, loses: str, evidence: list[Row]) -> Plan:
    """A restart, planned. Whether the service runs is part of its effect: to start what is stopped is less.

    Raises:
        CannotLook, Refused: its status cannot be had.
    """
    was = RUNNING if service.running() else STOPPED
    return Plan(
        does=f"{does} Its service says that it is {was}.",
        commands=(Command(line=service.restart_line, target={"service": service.kind, "was": was}),),
        blast_radius=BlastRadius(touched=1, total=1, noun=noun),
        risk=risk,
        loses=loses,
        evidence=evidence,
        language="sh",
    )


def no_plan(does: str, *, noun: str, loses: str) -> Plan:
    """Why no restart is called for."""
    return Plan(
        does=does, commands=(), blast_radius=BlastRadius(touched=0, total=1, noun=noun), risk=Risk.HIGH, loses=loses
    )


def restarted(service: Service, plan: Plan) -> Outcome:
    """Do it, and say whether the service runs afterwards.

    Raises:
        CannotLook: it took too long, and may or may not have happened.
        Refused: it failed; or the configuration names another command by now than was approved.
    """
    approved = [planned.line for planned in plan.commands]
    if approved != [service.restart_line]:
        raise Refused(
            f"Approved was `{'; '.join(approved) or 'nothing'}`, and the configuration says `{service.restart_line}`.",
            remedy="Open the incident again: it plans with the configuration as it is now.",
        )
    ran = service.start_again()
    running = service.running()
    return Outcome(
        says=f"Restarted in {ran.seconds:.1f} s; its service says that it is {RUNNING if running else STOPPED}.",
        complete=running,
        rows=[{"line": line} for line in ran.lines],
    )


def has_restarted(service: Service, plan: Plan) -> bool | None:
    """A service that was stopped and runs has been started; of one that ran before, its status tells nothing."""
    if any(planned.target["was"] == RUNNING for planned in plan.commands):
        return None
    return service.running()
