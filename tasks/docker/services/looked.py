"""What a container of a service is at, in words: how it ended, whether it is well, what it wrote last."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial

from tasks import deadline
from tasks.docker.replies import Container
from tasks.docker.system import Docker
from tasks.excerpt import excerpt
from tasks.model import CannotLook, Row
from tasks.postgres.words import span
from tasks.together import together

# The engine waits longer and longer before it starts again what ends, up to a minute.
BETWEEN_STARTS_S = 60
# A program that takes longer to begin says so in its `start_period`; nobody's is ten minutes.
BEGINS_WITHIN_S = 600
LINES, LINE = 10, 200
# Of a stack that lies down whole, the logs of so many are read.
MOST_LOGS = 8
LOGS_WITHIN_S = 4.0
KILLED = 137


def named(one: Container) -> str:
    """A container by its name, for people."""
    return excerpt(one.name.removeprefix("/"), 100)


def runs(one: Container) -> bool:
    """Does it run? One that the engine starts again just now does; a paused one does nothing."""
    return (one.state.running or one.state.restarting) and not one.state.paused


def stopped(one: Container, jobs: Iterable[str]) -> bool:
    """Does it not run, and should it? A job that ended well has done what it was there for."""
    return not runs(one) and not (one.service in jobs and one.state.exit_code == 0 and one.began_at is not None)


def ended(one: Container) -> str:
    """How it came to stand still: 'ended with 3 (5 min ago)'."""
    state = one.state
    if state.paused:
        return "is paused"
    if one.began_at is None:
        return "was made and never started" + _why(one)
    return f"{_exit(one)} ({span(ago_s(one.stopped_at))} ago)" + _why(one)


def trouble(one: Container, most_restarts: float) -> str:
    """What is wrong with one that runs; empty if nothing is."""
    state = one.state
    if state.restarting or (one.restart_count >= most_restarts and _just_began(one)):
        return f"ends again and again: started anew {one.restart_count} times, it {_exit(one)} last"
    if state.health.status == "unhealthy":
        failed = [probe for probe in state.health.log if probe.exit_code]
        said = f": {excerpt(failed[-1].output, LINE)}" if failed and failed[-1].output.strip() else ""
        return f"is unhealthy, {state.health.failing_streak} times in a row{said}"
    return ""


def restarts_again(one: Container, most_restarts: float) -> bool:
    """Does the engine start it over and over, so that one more time changes nothing?"""
    return one.state.restarting or (one.restart_count >= most_restarts and _just_began(one))


def doubt(one: Container) -> str:
    """What is odd about one that seems well; empty if nothing is."""
    if one.restart_count and _just_began(one):
        return f"was started anew {span(ago_s(one.began_at))} ago"
    if one.state.health.status == "starting" and one.began_at and ago_s(one.began_at) > BEGINS_WITHIN_S:
        return f"has a health check that nobody has run for {span(ago_s(one.began_at))}"
    return ""


def shown(one: Container, lines: Iterable[str] = ()) -> Row:
    """A container as a row of evidence."""
    state, began = one.state, one.began_at
    health = state.health.status
    return {
        "container": named(one),
        "service": excerpt(one.service, 100),
        "state": excerpt(state.status, 40),
        "health": "" if health == "none" else excerpt(health, 40),
        "exit_code": None if runs(one) else state.exit_code,
        "stopped": None if runs(one) else one.stopped_at.isoformat(timespec="seconds"),
        "started": began.isoformat(timespec="seconds") if began else None,
        "restarts": one.restart_count,
        "image": excerpt(one.config.image, 150),
        "image_id": one.image,
        "last_lines": list(lines),
    }


def last_lines(docker: Docker, sick: Iterable[Container]) -> Mapping[str, list[str]]:
    """What each wrote last, by its id; a log that cannot be read says why in place of its lines."""
    asked = {one.id: partial(docker.log, one.id, lines=LINES) for one in [*sick][:MOST_LOGS]}
    told = together(asked, until=time.monotonic() + LOGS_WITHIN_S)
    return {
        name: [f"(not to be read: {excerpt(heard.says, LINE)})"]
        if isinstance(heard, CannotLook)
        else [line for given in heard if (line := excerpt(given, LINE))]
        for name, heard in told.items()
    }


def ago_s(at: datetime | None) -> float:
    """Seconds since then; never less than none, for the engine's clock may be ahead."""
    return max(0.0, (deadline.now() - at).total_seconds()) if at else 0.0


def _just_began(one: Container) -> bool:
    return one.began_at is not None and ago_s(one.began_at) <= BETWEEN_STARTS_S


def _exit(one: Container) -> str:
    code = one.state.exit_code
    if code == KILLED:
        return "was killed (137): " + _killed_by(one)
    if code > 128 and code - 128 in signal.Signals.__members__.values():
        return f"was ended by {signal.Signals(code - 128).name} ({code})"
    return f"ended with {code}"


def _killed_by(one: Container) -> str:
    if one.state.oom_killed:
        return "its memory was used up"
    # Podman 4.3 does not tell which of the two.
    return "its memory was used up, or it did not stop in time"


def _why(one: Container) -> str:
    return f": {excerpt(one.state.error, LINE).rstrip('.')}" if one.state.error else ""
