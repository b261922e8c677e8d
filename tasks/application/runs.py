"""The last runs of the workflows an application is made of."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.application.queries import LAST_RUNS
from tasks.application.system import ApplicationDatabase
from tasks.model import Row

# Who has had no success for longer has none worth telling the date of.
DAYS = 30


def last_runs(application: ApplicationDatabase, names: Sequence[str]) -> list[Row]:
    """Of each workflow, whether or not it ever ran: last_success, silent_s, last_run, last_failed.

    Raises:
        CannotLook, Refused: no answer, or executions are not mapped.
    """
    return application.rows(LAST_RUNS, names=list(names), days=DAYS)
