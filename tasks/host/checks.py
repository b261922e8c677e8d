"""What we ask about a machine: is it busy, is its memory used up, are its disks full?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tasks.amounts import size, stretch
from tasks.check import check
from tasks.growth import looks, seconds_until, with_look
from tasks.host.machine import Cpu, Disk, Machine, Memory
from tasks.model import Earlier, Finding, Json, Row, Threshold, Verdict

# How long we watch ourselves when there is no earlier look.
SAMPLE_S = 1.0
# A mean over less is a moment; over more than an hour it hides what is now.
MOMENT_S = 300.0
OLD_S = 3600.0
# A runaway log fills a disk within hours: looks reach back three of them, and ten minutes make a trend.
LOOK_EVERY_S = 300.0
LOOKS_KEPT = 36
TREND_FROM_S = 600.0
HOUR_S = 3600.0

CPU_BUSY = Threshold(
    warn=0.8,
    bad=0.95,
    because="Owner: the team on call. Seed S4 calls more than 80 % high; from 95 % on, for minutes, everything that "
    "comes waits for a processor first.",
)
MEMORY_AVAILABLE = Threshold(
    warn=0.15,
    bad=0.05,
    because="Owner: the team on call. Seed S4 calls more than 90 % used high. Below 5 % Linux throws out file "
    "contents that are needed again at once, and then ends the largest process: the database.",
)
LOAD = Threshold(
    warn=2,
    bad=5,
    because="Owner: the team on call. Programs that want a processor, or wait for a disk, for each core: at two each "
    "waits as long as it works; at five a login takes minutes.",
)
DISK_AVAILABLE = Threshold(
    warn=0.2,
    bad=0.1,
    because="Owner: the team on call. A full disk stops Postgres, and VACUUM FULL, an index build or a restore needs "
    "room beside what is there. The same share holds for the number of files.",
)
DISK_LEFT = Threshold(
    warn=72 * HOUR_S,
    bad=4 * HOUR_S,
    because="Owner: the team on call. Three days span a weekend; within four hours somebody must have made room.",
)


@check
def check_host_cpu(host: Machine, busy: Threshold = CPU_BUSY, earlier: Earlier | None = None) -> Finding:
    """Is the machine's processor busy all the time?

    Since the last look if that was within the hour, otherwise for a second. BAD needs five minutes: a shorter time is
    a moment. Of a container its own limit counts, and what it was refused is told.
    """
    first = _told(earlier)
    now = host.cpu()
    if first is None and host.refreshes_s <= SAMPLE_S:
        first = now
        time.sleep(SAMPLE_S)
        now = host.cpu()
    used = _between(first, now) if first else None

    verdict = busy.judge(used.share) if used else Verdict.OK
    return Finding(
        verdict=min(verdict, Verdict.WARN) if used and used.over_s < MOMENT_S else verdict,
        says=_busy(host, now, used, busy),
        value=used.share if used else 0.0,
        unit="ratio",
        facts=asdict(now),
    )


@check
def check_host_load(host: Machine, per_core: Threshold = LOAD) -> Finding:
    """Do more programs want a processor, or wait for a disk, than there are cores?

    The mean of five minutes. A high load beside an idle processor waits for a disk or a network drive. A container's
    is not told: Linux counts that of the whole machine.
    """
    now = host.cpu()
    if now.load_5min is None:
        return Finding(
            verdict=Verdict.OK, says=f"{host.address}: a container's own load is not told; its processor's time is."
        )
    each = now.load_5min / max(now.cores, 1)
    return Finding(
        verdict=per_core.judge(each),
        says=f"{host.address} has a load of {now.load_5min:.1f} on {now.cores:g} core{'s' if now.cores != 1 else ''}, "
        f"{each:.1f} for each (bad from {per_core.bad:g}).",
        value=each,
        unit="ratio",
    )


@check
def check_host_memory(host: Machine, available: Threshold = MEMORY_AVAILABLE) -> Finding:
    """Is the machine's memory used up?

    Caches count as available. Of a container or service its own limit counts.
    """
    memory = host.memory()
    share = memory.available / memory.total if memory.total else 0.0
    return Finding(
        verdict=available.judge(share),
        says=_filled(host, memory, available),
        value=share,
        unit="ratio",
        facts=asdict(memory),
    )


@check
def check_host_disks(
    host: Machine,
    available: Threshold = DISK_AVAILABLE,
    left: Threshold = DISK_LEFT,
    earlier: Earlier | None = None,
) -> Finding:
    """Are the machine's disks full, or soon to be?

    Bytes that everybody but root can still write, and the number of files. When it is full at this pace is told from
    looks over ten minutes at least; the median, so that one large file is not taken for one.
    """
    disks = host.file_systems()
    known = earlier.facts if earlier and earlier.facts.get("host") == host.address else {}

    rows = [_judged(disk, known.get("looks"), available, left) for disk in disks]
    # Of two that are equally bad, the fuller one.
    worst = max(rows, key=lambda row: (_number(row["verdict"]), -_number(row["share"])), default=None)
    return Finding(
        verdict=Verdict(int(_number(worst["verdict"]))) if worst else Verdict.OK,
        says=_full(host, rows, worst, available),
        value=min((_number(row["share"]) for row in rows), default=1.0),
        unit="ratio",
        facts={"host": host.address, "looks": {str(row["path"]): row["looks"] for row in rows}},
        rows=[{key: value for key, value in row.items() if key != "looks"} for row in rows if row["verdict"]],
    )


@dataclass(frozen=True, kw_only=True)
class _Used:
    share: float
    over_s: float
    stolen: float
    waiting: float
    throttled_s: float


def _told(earlier: Earlier | None) -> Cpu | None:
    """The last look's reading, if it was within the hour. `counting` tells whether it is of the same machine."""
    facts = earlier.facts if earlier else {}
    if not {"at_s", "counting", "total_s", "idle_s", "cores"} <= facts.keys():
        return None
    told = Cpu(
        at_s=_number(facts["at_s"]),
        counting=str(facts["counting"]),
        cores=_number(facts["cores"]),
        total_s=_number(facts["total_s"]),
        idle_s=_number(facts["idle_s"]),
        stolen_s=_number(facts.get("stolen_s")),
        waiting_for_disk_s=_number(facts.get("waiting_for_disk_s")),
        throttled_s=_number(facts.get("throttled_s")),
    )
    return told if time.time() - told.at_s <= OLD_S else None


def _between(first: Cpu, now: Cpu) -> _Used | None:
    """None: the count began anew, or its numbers have not changed since."""
    total_s, over_s = now.total_s - first.total_s, now.at_s - first.at_s
    idle_s = now.idle_s - first.idle_s
    if first.counting != now.counting or total_s <= 0 or over_s <= 0:
        return None
    return _Used(
        share=min(1.0, max(0.0, 1 - idle_s / total_s)),
        over_s=over_s,
        stolen=max(0.0, (now.stolen_s or 0) - (first.stolen_s or 0)) / total_s,
        waiting=max(0.0, (now.waiting_for_disk_s or 0) - (first.waiting_for_disk_s or 0)) / total_s,
        throttled_s=max(0.0, (now.throttled_s or 0) - (first.throttled_s or 0)),
    )


def _busy(host: Machine, now: Cpu, used: _Used | None, busy: Threshold) -> str:
    if used is None:
        return f"{host.address}: from now on it is watched how busy its processor is (bad from {busy.bad:.0%})."
    cores = f"{now.cores:g} core{'s' if now.cores != 1 else ''}"
    parts = [f"load {now.load_5min:.1f}"] if now.load_5min is not None else []
    if used.stolen >= 0.01:
        parts.append(f"{used.stolen:.0%} taken by other tenants")
    if used.waiting >= 0.01:
        parts.append(f"{used.waiting:.0%} waiting for disks")
    if used.throttled_s >= 1:
        parts.append(f"refused {used.throttled_s:.0f} s by its own limit")
    over = stretch(used.over_s) if used.over_s >= 120 else f"{used.over_s:.0f} s"
    rest = f"; {', '.join(parts)}" if parts else ""
    limit = f"(bad from {busy.bad:.0%})"
    return f"The processor of {host.address} ({cores}) was {used.share:.0%} busy for {over} {limit}{rest}."


def _filled(host: Machine, memory: Memory, available: Threshold) -> str:
    whose = "the limit of its container or service" if memory.limited else "its memory"
    swap = f"; {size(memory.swap_used)} are swapped out" if memory.swap_used else ""
    share = memory.available / memory.total if memory.total else 0.0
    return (
        f"{host.address} has {size(memory.available)} of {size(memory.total)} left, {share:.0%} of {whose} "
        f"(bad below {available.bad:.0%}){swap}."
    )


def _judged(disk: Disk, before: Json, available: Threshold, left: Threshold) -> dict[str, Json]:
    told = before.get(disk.path) if isinstance(before, Mapping) else None
    known = with_look(looks(told), disk.at_s, disk.used, every_s=LOOK_EVERY_S, kept=LOOKS_KEPT)
    share = disk.available / (disk.used + disk.available) if disk.used + disk.available else 0.0
    files = disk.files_free / disk.files if disk.files and disk.files_free is not None else None
    left_s = seconds_until(disk.used + disk.available, known, at_least_s=TREND_FROM_S)
    verdicts = [available.judge(share), *([available.judge(files)] if files is not None else [])]
    verdicts += [left.judge(left_s)] if left_s is not None else []
    return {
        "path": disk.path,
        "available_bytes": disk.available,
        "share": share,
        "files_share": files,
        "left_s": left_s,
        "verdict": int(max(verdicts)),
        "looks": [list(look) for look in known],
    }


def _full(host: Machine, rows: Sequence[Row], worst: Row | None, available: Threshold) -> str:
    if worst is None:
        return f"{host.address} names no disk."
    files = worst["files_share"]
    few = files is not None and available.judge(_number(files))
    of_files = f", and {_number(files):.0%} of its files" if few else ""
    when = f"; full in {stretch(_number(worst['left_s']))} at this pace" if worst["left_s"] is not None else ""
    which = f"the worst of {len(rows)} disks, " if len(rows) > 1 else ""
    return (
        f"{host.address}: {which}{worst['path']} has {size(_number(worst['available_bytes']))} left, "
        f"{_number(worst['share']):.0%}{of_files} (bad below {available.bad:.0%}){when}."
    )


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
