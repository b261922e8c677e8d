"""What can be asked of a machine, whoever answers: the operating system itself, or a provider's metrics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.system import System


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """Seconds of processor time since the count began, over all cores. Two of them tell how busy it was between."""

    at_s: float  # Unix time of the reading
    counting: str  # whose time it is: readings of different machines or limits cannot be compared
    cores: float
    total_s: float
    idle_s: float
    # Promised to us and given to another tenant of the hardware; None where it cannot be told.
    stolen_s: float | None = None
    waiting_for_disk_s: float | None = None
    # Wanted, and refused by the container's own limit.
    throttled_s: float | None = None
    load_5min: float | None = None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes. `available` is what programs can have without anything being swapped out: caches count as free."""

    total: float
    available: float
    swap_used: float | None = None
    # The limit of a container or service, rather than of the whole machine.
    limited: bool = False


@dataclass(frozen=True, kw_only=True)
class Disk:
    """One file system. Bytes; `available` is what everybody but root can still write. Some have no count of files."""

    path: str
    at_s: float
    used: float
    available: float
    files: float | None = None
    files_free: float | None = None


class Machine(System):
    """A machine that can be asked how busy and how full it is."""

    # How often its numbers change: looking twice within this time shows the same.
    refreshes_s: float = 0.0

    @property
    @abstractmethod
    def address(self) -> str:
        """For people; and by it the next look knows that it is the same machine."""

    @abstractmethod
    def cpu(self) -> Cpu:
        """Raises CannotLook, Refused: no answer."""

    @abstractmethod
    def memory(self) -> Memory:
        """Raises CannotLook, Refused: no answer."""

    @abstractmethod
    def file_systems(self) -> Sequence[Disk]:
        """Raises CannotLook, Refused: no answer."""


# What is said when neither kind is configured. Set afterwards: a class that is born with a kind can be configured.
Machine.kind = "host"
Machine.config_lines = """\
# Only where the worker runs on the database's own machine. Folders whose disks are looked at:
disks = ["/var/lib/postgresql"]
# may_stop = ["node"]   # of these programs one process may be stopped, after approval
# Elsewhere the provider may tell; instead of the line above:
# type = "host-metrics"
# url = "https://<project>.supabase.co/customer/v1/privileged/metrics"
# password = "${SUPABASE_SERVICE_ROLE_KEY}\""""
