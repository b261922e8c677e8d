"""The door to the machine this process runs on: its processor, memory and disks, as the operating system tells them.

With tasks/host/processes/running.py the only file in tasks/ that knows psutil.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import psutil
from pydantic import Field

from tasks.amounts import size
from tasks.host.cgroup import Limits, limits
from tasks.host.machine import Cpu, Disk, Machine, Memory
from tasks.model import CannotLook, Finding, Refused, Verdict


class Host(Machine):
    """This machine. Configure it only where the worker runs beside what it looks after."""

    kind: ClassVar[str] = "host"
    config_lines: ClassVar[str] = Machine.config_lines

    # Folders on the disks that matter.
    disks: tuple[Path, ...] = Field(default=(Path("/"),), min_length=1)
    # Whose limits count: in a container its own. A service's stand in /sys/fs/cgroup/system.slice/<name>.service.
    cgroup: Path = Path("/sys/fs/cgroup")
    # The programs of which single processes are judged, by name (`ps -o comm`). Empty: all.
    programs: tuple[str, ...] = ()
    # Those of which a process may be stopped after approval. Never a database: its own runbooks end its sessions.
    may_stop: tuple[str, ...] = ()
    # Rotates the logs now. A list, never a text: no shell takes it apart.
    rotate_logs: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @property
    def address(self) -> str:
        return platform.node()

    def cpu(self) -> Cpu:
        own = self._limits()
        if own and own.cores:
            return self._own_cpu(own, own.cores)
        times = psutil.cpu_times()
        # Guests' time is counted within user's already.
        kinds = {name: value for name, value in times._asdict().items() if not name.startswith("guest")}
        return Cpu(
            at_s=time.time(),
            counting=self.address,
            cores=float(psutil.cpu_count() or 1),
            total_s=sum(kinds.values()),
            # A processor that waits for a disk could do something else.
            idle_s=times.idle + kinds.get("iowait", 0.0),
            stolen_s=kinds.get("steal"),
            waiting_for_disk_s=kinds.get("iowait"),
            load_5min=psutil.getloadavg()[1],
        )

    def memory(self) -> Memory:
        whole, swap = psutil.virtual_memory(), psutil.swap_memory()
        own = self._limits()
        if own is None or own.memory is None or own.memory >= whole.total:
            return Memory(total=whole.total, available=whole.available, swap_used=swap.used)
        free = own.memory - own.memory_used + own.reclaimable
        # A limit is no promise: the machine may have less to give.
        return Memory(total=own.memory, available=max(0.0, min(free, whole.available)), limited=True)

    def file_systems(self) -> Sequence[Disk]:
        return [_disk(path) for path in self.disks]

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            memory, disks = self.memory(), self.file_systems()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        whose = "this container or service" if memory.limited else "this machine"
        told = ", ".join(f"{disk.path} {size(disk.available)} free" for disk in disks)
        yield Finding(verdict=Verdict.OK, says=f"{self.address}: {whose} has {size(memory.total)} of memory; {told}.")

    def _limits(self) -> Limits | None:
        try:
            return limits(self.cgroup)
        except (OSError, ValueError) as error:
            raise CannotLook(f"{self.cgroup} cannot be read: {error}.") from error

    def _own_cpu(self, own: Limits, cores: float) -> Cpu:
        """A group's processor time: of what it may use, what it does not is idle. The load is the whole machine's."""
        up_s = time.monotonic()
        return Cpu(
            at_s=time.time(),
            counting=f"{self.address} {self.cgroup} {cores:g}",
            cores=cores,
            total_s=up_s * cores,
            idle_s=up_s * cores - own.cpu_used_s,
            throttled_s=own.throttled_s,
        )


def here(machine: Machine) -> Host:
    """The machine as one that can be looked into: its processes and files.

    Raises:
        Refused: it is told of from outside.
    """
    if isinstance(machine, Host):
        return machine
    raise Refused(
        f"{machine.address} cannot be looked into: its provider's metrics tell of no processes and no files.",
        remedy="Look in the provider's console, or run a worker on that machine itself.",
    )


def _disk(path: Path) -> Disk:
    try:
        usage, inodes = psutil.disk_usage(str(path)), os.statvfs(path)
    except FileNotFoundError as error:
        raise Refused(f"{path}: there is no such folder on this machine.", remedy="Correct `disks`.") from error
    except OSError as error:
        raise CannotLook(f"{path} cannot be looked at: {error.strerror}.") from error
    return Disk(
        path=str(path),
        at_s=time.time(),
        used=usage.used,
        available=usage.free,
        # 0: a file system like btrfs makes them as it goes.
        files=inodes.f_files or None,
        files_free=inodes.f_favail if inodes.f_files else None,
    )
