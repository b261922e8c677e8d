"""The door to a provider's metrics endpoint: the machine under a database that is not ours to log in to.

The series are those of Prometheus' node exporter, as Supabase tells them (github.com/supabase/supabase-grafana,
docs/metrics.md): GET https://<project>.supabase.co/customer/v1/privileged/metrics, HTTP Basic, renewed once a minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from tasks.amounts import size
from tasks.host.machine import Cpu, Disk, Machine, Memory
from tasks.host_metrics.series import Sample, samples
from tasks.model import CannotLook, Finding, Json, Refused, Verdict
from tasks.web.door import Door
from tasks.web.exchange import Limits, Place, basic
from tasks.web.system import HostedApi, http_url

# Supabase tells about half a megabyte.
MOST_BYTES = 16 * 2**20
CPU_SECONDS, LOAD = "node_cpu_seconds_total", "node_load5"
TOTAL, AVAILABLE = "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes"
SWAP, SWAP_FREE = "node_memory_SwapTotal_bytes", "node_memory_SwapFree_bytes"
DISK_SIZE, DISK_FREE, DISK_AVAILABLE = (
    "node_filesystem_size_bytes", "node_filesystem_free_bytes", "node_filesystem_avail_bytes",
)  # fmt: skip
FILES, FILES_FREE = "node_filesystem_files", "node_filesystem_files_free"
WANTED = (CPU_SECONDS, LOAD, TOTAL, AVAILABLE, SWAP, SWAP_FREE, DISK_SIZE, DISK_FREE, DISK_AVAILABLE, FILES,
          FILES_FREE)  # fmt: skip
# They hold nothing that could be filled by data.
NO_DISKS = ("tmpfs", "ramfs", "squashfs", "overlay", "devtmpfs", "rootfs", "vfat")

Series = Mapping[str, Sequence[Sample]]


class HostMetrics(Machine, HostedApi):
    """A machine as its provider's metrics endpoint tells."""

    kind: ClassVar[str] = "host-metrics"
    config_lines: ClassVar[str] = (
        'type = "host-metrics"\n'
        'url = "https://<project>.supabase.co/customer/v1/privileged/metrics"\n'
        'password = "${SUPABASE_SERVICE_ROLE_KEY}"'
    )

    url: Annotated[
        str, AfterValidator(http_url("a URL like https://<project>.supabase.co/customer/v1/privileged/metrics"))
    ]
    user: str = "service_role"
    password: SecretStr
    # Where one endpoint tells of several machines (read replicas): the labels of the one that is meant.
    labels: Mapping[str, str] = Field(default_factory=dict)
    # Mount points. Empty: all that hold data.
    disks: tuple[str, ...] = ()
    refreshes_s: float = Field(default=60, ge=0)

    @property
    def address(self) -> str:
        return str(urlsplit(self.url).hostname)

    def cpu(self) -> Cpu:
        told = self._ask()
        spent: dict[str, float] = {}
        for sample in told[CPU_SECONDS]:
            mode = sample.labels.get("mode", "")
            spent[mode] = spent.get(mode, 0.0) + sample.value
        # Guests' time is counted within user's already.
        kinds = {mode: value for mode, value in spent.items() if not mode.startswith("guest")}
        if "idle" not in kinds:
            raise self._silent(CPU_SECONDS)
        return Cpu(
            at_s=time.time(),
            counting=f"{self.url} {sorted(self.labels.items())}",
            cores=float(len({sample.labels.get("cpu") for sample in told[CPU_SECONDS]})),
            total_s=sum(kinds.values()),
            idle_s=kinds["idle"] + kinds.get("iowait", 0.0),
            stolen_s=kinds.get("steal"),
            waiting_for_disk_s=kinds.get("iowait"),
            load_5min=_first(told, LOAD),
        )

    def memory(self) -> Memory:
        told = self._ask()
        swap, swap_free = _first(told, SWAP), _first(told, SWAP_FREE)
        return Memory(
            total=self._one(told, TOTAL),
            available=self._one(told, AVAILABLE),
            swap_used=None if swap is None or swap_free is None else swap - swap_free,
        )

    def file_systems(self) -> Sequence[Disk]:
        told = self._ask()
        now_s = time.time()
        sizes = {s.labels.get("mountpoint", ""): s for s in told[DISK_SIZE] if s.labels.get("fstype") not in NO_DISKS}
        missing = [disk for disk in self.disks if disk not in sizes]
        if missing or not sizes:
            named = missing[0] if missing else DISK_SIZE
            raise Refused(
                f"{self.address} tells nothing of {named}.",
                remedy=f"Correct `disks`. It tells of: {', '.join(sorted(sizes)) or 'none'}.",
            )
        chosen = {path: sizes[path] for path in self.disks} if self.disks else sizes
        return [self._disk(told, path, sample.value, now_s) for path, sample in sorted(chosen.items())]

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            cpu, memory, disks = self.cpu(), self.memory(), self.file_systems()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        told = ", ".join(f"{disk.path} {size(disk.available)} free" for disk in disks)
        yield Finding(
            verdict=Verdict.OK,
            says=f"{self.address} tells of {cpu.cores:g} cores and {size(memory.total)} of memory; {told}.",
        )

    def _one(self, told: Series, name: str) -> float:
        found = _first(told, name)
        if found is None:
            raise self._silent(name)
        return found

    def _silent(self, name: str) -> Refused:
        return Refused(f"{self.address} tells no {name}.", remedy="Look at the page: is it a node exporter's?")

    def _disk(self, told: Series, path: str, total: float, now_s: float) -> Disk:
        here = {
            name: [sample for sample in told[name] if sample.labels.get("mountpoint") == path]
            for name in (DISK_FREE, DISK_AVAILABLE, FILES, FILES_FREE)
        }
        # No answer must not look like a full disk.
        available = self._one(here, DISK_AVAILABLE)
        free = _first(here, DISK_FREE)
        files = _first(here, FILES)
        return Disk(
            path=path,
            at_s=now_s,
            # What is kept back for root is neither used nor available.
            used=total - (available if free is None else free),
            available=available,
            files=files or None,
            files_free=_first(here, FILES_FREE) if files else None,
        )

    def _ask(self) -> Series:
        """The series of the machine that is meant.

        Raises:
            CannotLook, Refused: no answer, or one about several machines.
        """
        found = samples(self._door.get().text, WANTED)
        meant = {
            name: [one for one in series if self.labels.items() <= one.labels.items()] for name, series in found.items()
        }
        if len(meant[TOTAL]) > 1:
            raise Refused(
                f"{self.address} tells of {len(meant[TOTAL])} machines.",
                remedy='Name the labels of one, like labels = { supabase_identifier = "…" }. They are: '
                + "; ".join(str(dict(one.labels)) for one in meant[TOTAL]),
            )
        return meant

    @property
    def _door(self) -> Door:
        limits = Limits(total_s=self.timeout_s, most_bytes=MOST_BYTES, redirects=0)
        # As configured: a query may say which metrics, and a slash at the end may count.
        place = Place(
            base=self.url,
            key=basic(self.user, self.password),
            headers=(("Accept", "*/*"),),
            limits=limits,
            tls=self.tls,
        )
        return Door(place=place, words=self._words)

    def _words(self, status: int, _body: Json) -> CannotLook | None:
        if status == 200:
            return None
        if status in (401, 403):
            return Refused(
                f"{self.address} refuses the password of {self.user} ({status}).",
                remedy="Take the service role key from the project's API settings; it was rotated, or is the anon key.",
            )
        if status < 500 and status != 429:
            return Refused(f"{self.address} answers {status}.", remedy="Correct `url`; redirects are not followed.")
        return CannotLook(f"{self.address} answers {status}.")


def _first(told: Series, name: str) -> float | None:
    return told[name][0].value if told[name] else None
