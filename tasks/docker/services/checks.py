"""What we ask about the containers of a compose project: do they run, are they well, have they memory left?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from tasks.amounts import size
from tasks.check import check
from tasks.docker.replies import Container, Stats
from tasks.docker.services.looked import KILLED, doubt, ended, last_lines, named, runs, shown, stopped, trouble
from tasks.docker.system import Docker
from tasks.excerpt import excerpt
from tasks.kept import asked_once
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict
from tasks.postgres.words import count
from tasks.rates import percent
from tasks.together import WITHIN_S, together

RESTARTS = Threshold(
    warn=1,
    bad=3,
    because="Owner: the team on call. Starts without anybody's doing, the last one within the minute: one may be a "
    "moment's trouble, and the engine has mended it; with three it mends nothing.",
)
MEMORY = Threshold(
    warn=0.85,
    bad=0.95,
    because="Owner: the team on call. Of the container's own limit, file contents left out: at the limit the kernel "
    "kills it. A runtime that collects its garbage late comes near each day.",
)
SAID = 3


def stack(docker: Docker) -> Sequence[Container]:
    """The containers of the project, once a round.

    Raises:
        CannotLook, Refused: the engine does not tell.
    """
    return asked_once((docker, "containers"), docker.containers)


@check
def check_containers(docker: Docker) -> Finding:
    """Does a container of every service run?

    Each is judged by its own state: `compose ps` ends with 0 while the database lies there with 137. What stopped is
    named with its exit code, what 137 may mean, and its last lines. Jobs (`jobs`) may end, with 0. A service of which
    there is no container at all is missed where `services` names it. Paused is not running.
    """
    found = stack(docker)
    there = {one.service for one in found}
    absent = [name for name in docker.services if name not in there]
    sick = sorted((one for one in found if stopped(one, docker.jobs)), key=lambda one: one.stopped_at)
    lines = last_lines(docker, sick)

    told = [*(f"{named(one)} {ended(one)}{_last(lines.get(one.id))}" for one in sick)]
    told += [f"{excerpt(name, 60)} has no container" for name in absent]
    bad = bool(told) or not found
    return Finding(
        verdict=Verdict.BAD if bad else Verdict.OK,
        says=_stand(docker, found, told),
        value=float(len(told)),
        unit="containers",
        facts={one.service: one.state.status for one in found},
        rows=[
            *(shown(one, lines.get(one.id, ())) for one in sick),
            *({"service": excerpt(name, 100), "state": "no container"} for name in absent),
        ],
    )


@check
def check_container_health(docker: Docker, restarts: Threshold = RESTARTS) -> Finding:
    """Is a container that runs unhealthy, or started again and again?

    By its own health check, and by how often the engine has had to start it. What does not run at all is another
    question's. Often it is what it needs that is ill: its database, its cache; so these are looked at first.
    """
    found = [one for one in stack(docker) if runs(one)]
    sick = [one for one in found if trouble(one, restarts.bad)]
    odd = [one for one in found if one not in sick and doubt(one)]
    lines = last_lines(docker, sick)

    told = [f"{named(one)} {trouble(one, restarts.bad)}{_last(lines.get(one.id))}" for one in sick]
    told += [f"{named(one)} {doubt(one)}" for one in odd]
    checked = sum(one.state.health.status in ("healthy", "unhealthy") for one in found)
    well = f"{count(len(found), 'container', 'run')}, of {docker.project}; none is unhealthy ({checked} can tell)."
    return Finding(
        verdict=Verdict.BAD if sick else Verdict.WARN if odd else Verdict.OK,
        says=f"{'; '.join(told[:SAID])}{_more(told)}." if told else well,
        value=float(len(sick)),
        unit="containers",
        facts={named(one): one.restart_count for one in found},
        rows=[shown(one, lines.get(one.id, ())) for one in (*sick, *odd)],
    )


@check
def check_container_memory(docker: Docker, used: Threshold = MEMORY) -> Finding:
    """Has every container memory left below its own limit?

    The figures of its control group, not those of a process number, which is another process on the host. File contents
    that can be given back are left out. Without a limit of its own a container may take all of the machine's: it is
    told, and the machine's memory is a question of its own.
    """
    found = stack(docker)
    limited = [one for one in found if runs(one) and one.host_config.memory]
    free = [one for one in found if runs(one) and not one.host_config.memory]
    until = time.monotonic() + WITHIN_S
    heard = together({one.id: partial(docker.stats, one.id) for one in limited}, until=until)

    rows = [_memory_row(one, heard[one.id], used) for one in limited]
    rows += [_killed_row(one) for one in found if _maybe_for_memory(one)]
    worst = max(rows, key=lambda row: (_number(row["verdict"]), _number(row["share"])), default=None)
    open_end = f" {count(len(free), 'container')} without a limit." if free else ""
    if worst is None:
        nobody = "No container of the project has a limit on its memory; the machine's own is asked about by itself."
        return Finding(verdict=Verdict.OK, says=nobody, value=0.0, unit="ratio")
    return Finding(
        verdict=Verdict(int(_number(worst["verdict"]))),
        says=f"{worst['container']} {worst['said']}.{open_end}",
        value=max((_number(row["share"]) for row in rows), default=0.0),
        unit="ratio",
        facts={str(row["container"]): row["share"] for row in rows},
        rows=[row for row in rows if row["verdict"]],
    )


def _stand(docker: Docker, found: Sequence[Container], told: Sequence[str]) -> str:
    if not found:
        return f"The engine has no container of the project {docker.project}: it was never started here, or taken down."
    if not told:
        ran = sum(runs(one) for one in found)
        done = f"; {count(len(found) - ran, 'job')} ended well" if ran < len(found) else ""
        return f"{count(ran, 'container', 'run')}, of {docker.project}{done}."
    return f"{'; '.join(told[:SAID])}{_more(told)}."


def _last(lines: Sequence[str] | None) -> str:
    return f", its last line: “{lines[-1].rstrip('.')}”" if lines else ""


def _more(told: Sequence[str]) -> str:
    return f" and {len(told) - SAID} more" if len(told) > SAID else ""


def _memory_row(one: Container, told: Stats | CannotLook, used: Threshold) -> Row:
    if isinstance(told, CannotLook):
        said = f"does not tell what it uses: {told.says.rstrip('.')}"
        return {"container": named(one), "verdict": int(Verdict.UNKNOWN), "share": 0.0, "said": said}
    share = told.memory_used / one.host_config.memory
    throttled = told.cpu_stats.throttling_data
    return {
        "container": named(one),
        "verdict": int(used.judge(share)),
        "share": share,
        "said": f"uses {percent(share)} of its {size(one.host_config.memory)} of memory (bad from {percent(used.bad)})",
        "memory_bytes": told.memory_used,
        "limit_bytes": one.host_config.memory,
        "processors": one.host_config.nano_cpus / 1e9 or None,
        "held_back": throttled.throttled_periods / throttled.periods if throttled.periods else 0.0,
        "processes": told.pids_stats.current,
    }


def _maybe_for_memory(one: Container) -> bool:
    killed = not runs(one) and one.state.exit_code == KILLED
    return killed and (one.state.oom_killed or one.host_config.memory > 0)


def _killed_row(one: Container) -> Row:
    for_memory = one.state.oom_killed
    # Podman 4.3 does not tell; whoever is stopped and takes too long ends in the same way.
    return {
        "container": named(one),
        "verdict": int(Verdict.BAD if for_memory else Verdict.WARN),
        "share": 1.0 if for_memory else 0.0,
        "said": ended(one),
        "limit_bytes": one.host_config.memory or None,
    }


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
