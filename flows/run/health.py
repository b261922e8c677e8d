"""Our own failures and schedules, told to a Sentry if the configuration names one. If not, nothing is imported.

1. One process, one run: `watch` says who hears of it. Nothing begins before there is something to tell, so that a fork
   meets no thread of it.
2. What is sent has passed the redactor of the run's environment. Local variables are not sent: no pattern fits them.
3. It is sent before the process ends, or given up after FLUSH_S.
"""

from __future__ import annotations

import atexit
import importlib.metadata
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import SecretStr

from flows.journal import Redactor
from tasks.defect import Defect, listeners

FLUSH_S = 2.0

_log = logging.getLogger(__name__)


@dataclass
class Health:
    """Tells one Sentry about one run. `redact` is asked for when there is something to send."""

    dsn: SecretStr
    environment: str
    redact: Callable[[], Redactor]
    tags: Mapping[str, str]
    broken_off: bool = False

    def failed(self, error: BaseException) -> None:
        """Tell of a failure of ours."""
        with _harmlessly():
            self._sdk.capture_exception(error, tags=dict(self.tags))

    def check_in(self, slug: str, status: str, *, config: Mapping[str, object], about: str) -> None:
        """Tell that the schedule `slug` began a run, or that it ended; `about` is the same for both."""
        with _harmlessly():
            self._sdk.crons.capture_checkin(slug, about, status, monitor_config=dict(config))

    @cached_property
    def _sdk(self) -> Any:
        import sentry_sdk
        import sentry_sdk.crons

        sentry_sdk.init(
            dsn=self.dsn.get_secret_value(),
            release=f"incident-pipelines@{importlib.metadata.version('incident-pipelines')}",
            environment=self.environment,
            # It would listen to logs, threads and whatever else is installed. We tell it what there is to know.
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            include_local_variables=False,
            send_default_pii=False,
            max_breadcrumbs=0,
            spotlight=False,
            before_send=self._cleaned,
        )
        atexit.register(sentry_sdk.flush, FLUSH_S)
        return sentry_sdk

    def _cleaned(self, event: Any, _hint: object) -> Any:
        # Its words are a schedule's and ours, and without it a schedule looks dead.
        if event.get("type") == "check_in":
            return event
        try:
            return self.redact().body(event)
        except Exception as error:  # noqa: BLE001 - whatever the redactor trips over: what is not cleaned is not sent
            _log.warning("A failure is told without its text, which could not be cleaned: %s", type(error).__name__)
            kept = {name: event[name] for name in KEPT if name in event}
            kinds = [{"type": one.get("type")} for one in (event.get("exception") or {}).get("values", ())]
            return {**kept, "exception": {"values": kinds}}


@contextmanager
def _harmlessly() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever there is in telling it: what is told of must not fail for it
        _log.warning("How we are could not be told: %s", type(error).__name__)


# Of an event that cannot be cleaned.
KEPT = ("event_id", "timestamp", "platform", "level", "release", "environment")
_of_this_process: Health | None = None


def watch(health: Health | None) -> None:
    """From now on this process' failures are told there."""
    global _of_this_process
    _of_this_process = health
    # Of a check or an action that crashes, its run goes on.
    listeners[:] = [failed]


def failed(error: BaseException) -> None:
    """Tell of a failure of ours; nothing happens in a process that nobody watches."""
    if _of_this_process is not None:
        _of_this_process.failed(error)


def ended(error: Exception) -> None:
    """Tell that the flow ended by this error."""
    if _of_this_process is not None:
        _of_this_process.broken_off = True
        # A defect was told where it was met.
        if not isinstance(error, Defect):
            _of_this_process.failed(error)
