"""What makes room on a disk without a choice of what may go: the logs' own rotation."""

from __future__ import annotations

import shlex

from tasks.action import Action
from tasks.amounts import size
from tasks.host.checks import DISK_AVAILABLE
from tasks.host.machine import Disk, Machine
from tasks.host.system import Host, here
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Threshold
from tasks.program import run

LIMIT_S = 600.0


class RotateLogs(Action):
    """Rotate the logs now, and compress what was rotated.

    By the command the environment names (`rotate_logs`), and only while a disk is short. What a service goes on writing
    into the old file is told afterwards: check_log_written looks whether the newest grows.
    """

    undo = NoWayBack(loses="The oldest logs, as many as the rotation's own settings say.")

    def plan(self, host: Machine, available: Threshold = DISK_AVAILABLE) -> Plan:
        machine = here(host)
        short = [disk for disk in machine.file_systems() if available.judge(_share(disk))]
        line = _line(machine)
        if not short:
            return _planned("Nothing to do: no disk is short.", (), 0)
        told = ", ".join(f"{disk.path} has {size(disk.available)} left, {_share(disk):.0%}" for disk in short)
        return _planned(f"Rotate the logs. {told}.", (Command(line=line, target={"run": line}),), len(short))

    def apply(self, host: Machine, plan: Plan) -> Outcome:
        machine = here(host)
        line = _line(machine)
        if any(command.target["run"] != line for command in plan.commands):
            raise Refused("The configuration names another command by now than was approved.", remedy="Plan it again.")
        before = sum(disk.available for disk in machine.file_systems())
        ran = run(machine.rotate_logs or (), limit_s=LIMIT_S)
        more = sum(disk.available for disk in machine.file_systems()) - before
        return Outcome(
            says=f"Rotated in {ran.seconds:.1f} s; {size(max(0.0, more))} more are free.",
            complete=True,
            rows=[{"line": said} for said in ran.lines],
        )

    def applied(self, host: Machine, plan: Plan) -> bool | None:  # noqa: ARG002 - a rotation leaves no mark that is ours
        return None


def _line(machine: Host) -> str:
    if machine.rotate_logs is None:
        raise Refused(
            "No command is configured that rotates the logs.",
            remedy='rotate_logs = ["logrotate", "--force", "/etc/logrotate.d/app"]  # of the host',
        )
    return shlex.join(machine.rotate_logs)


def _planned(does: str, commands: tuple[Command, ...], disks: int) -> Plan:
    return Plan(
        does=does,
        commands=commands,
        blast_radius=BlastRadius(touched=len(commands), total=max(disks, 1), noun="disks"),
        risk=Risk.MODERATE,
        loses=RotateLogs.undo.loses,
        language="sh",
    )


def _share(disk: Disk) -> float:
    whole = disk.used + disk.available
    return disk.available / whole if whole else 0.0
