"""What a run tells a configured Sentry: its failure, and, of a run that a schedule began, that it took place.

A schedule that begins nothing is missed at theirs: each check-in says when the next one is due.
"""

from __future__ import annotations

import hashlib
import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from flows.journal import Redactor
from flows.run import health, settings
from flows.run.trigger import deployment_name
from tasks.config import Config
from tasks.toml import InvalidConfig

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

# Rounds wait for a place for a quarter of an hour while many runs begin; so does nobody else (flows/keepers/clock.py).
MARGIN_MINUTES = 20
# Nothing of ours asks for longer; what waits for a person has ended its process by then.
LONGEST_MINUTES = 60
# Longer than that a monitor's name is not taken.
LONGEST_SLUG = 50
# In these a schedule is told; seconds are none of them.
UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))

logger = logging.getLogger(__name__)


@contextmanager
def told(run: FlowRun, name: str) -> Iterator[None]:
    """Within this block the run's failures are told, if the configuration says where."""
    try:
        watcher, schedule = _watcher(run, name)
    except InvalidConfig as error:
        # The run says so as well, to whoever reads its log.
        logger.warning("This run is watched by nobody: %s", error)
        watcher, schedule = None, None
    health.watch(watcher)
    if watcher is None or schedule is None:
        yield
        return
    slug, config = schedule
    about = uuid.uuid4().hex
    watcher.check_in(slug, "in_progress", config=config, about=about)
    try:
        yield
    finally:
        # Also of a run that stops to wait for a person: the schedule did what it should.
        watcher.check_in(slug, "error" if watcher.broken_off else "ok", config=config, about=about)


def _watcher(run: FlowRun, name: str) -> tuple[health.Health | None, tuple[str, dict[str, object]] | None]:
    config = settings.config()
    dsn = config.health.sentry_dsn
    if dsn is None:
        return None, None
    environment = str(run.parameters.get("environment", ""))
    tags = {
        "incident": str(run.id),
        "flow": name,
        "runbook": str(run.parameters.get("runbook", "")),
        "environment": environment,
    }
    made = health.Health(
        dsn=dsn,
        environment=environment,
        redact=lambda: _redactor(config, environment),
        tags={tag: value for tag, value in tags.items() if value},
    )
    return made, _schedule(run, name, config) if _begun_by_schedule(run) else None


def _redactor(config: Config, environment: str) -> Redactor:
    try:
        return settings.redactor(settings.environment(config, settings.catalog(config), environment))
    except InvalidConfig:
        # None of its secrets was read, so none can be let out.
        masks = environment in config.names and config.masks_emails(environment)
        return settings.redactor(masks_emails=masks)


def _begun_by_schedule(run: FlowRun) -> bool:
    """Not when it is taken up again: that is not the schedule's doing."""
    return run.auto_scheduled and not run.run_count


def _schedule(run: FlowRun, name: str, config: Config) -> tuple[str, dict[str, object]] | None:
    """The monitor of this run's schedule and when it is due; None where Sentry knows no such schedule."""
    environment = str(run.parameters.get("environment", ""))
    if name == "watch":
        every = timedelta(seconds=float(run.parameters["every_s"]))
        found = next(((unit, one) for unit, one in UNITS if every >= one and not every % one), None)
        if found is None:
            return None
        unit, one = found
        when: dict[str, object] = {"type": "interval", "value": every // one, "unit": unit}
        slug = f"watch-{environment}-every-{every // one}-{unit}"
    else:
        declared = settings.catalog(config).get(str(run.parameters["runbook"])).runbook
        if not declared.cron:
            return None
        when = {"type": "crontab", "value": declared.cron}
        slug = deployment_name(str(run.parameters["runbook"]), type(declared), environment)
    return _slug(slug), {
        "schedule": when,
        "timezone": config.time_zone(environment) if environment in config.names else "UTC",
        "checkin_margin": MARGIN_MINUTES,
        "max_runtime": LONGEST_MINUTES,
    }


def _slug(name: str) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", name.lower())
    if len(plain) <= LONGEST_SLUG:
        return plain
    # Two long names that differ at their ends are two schedules.
    return f"{plain[: LONGEST_SLUG - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
