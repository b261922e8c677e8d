"""Stopped: whether somebody cancelled the run since its last step.

A worker ends a run that is cancelled in Prefect. With the worker dead, or not yet told, nobody does: so the run asks,
right before it begins something.
"""

from __future__ import annotations

from uuid import UUID

from flows.case.case import Case
from flows.journal import kinds
from flows.run.trigger import cancel


def go_on_only_if_wanted(case: Case) -> None:
    """Return if nobody stopped this run, whoever approved what it is about to do.

    Prefect's client tries again for a minute or so; what nobody could stop is not begun.

    Raises:
        Abort: it was cancelled, deleted, or closed by a person; the recoverer closes the incident.
        httpx.HTTPError: Prefect does not answer.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import Abort, ObjectNotFound

    if any(entry.is_a(kinds.Closing) for entry in case.log.entries):
        # Prefect was not there when that was said.
        cancel(case.incident)
        raise Abort("A person closed this incident; nothing further is done.")
    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(case.incident)).state
        except ObjectNotFound:
            raise Abort("The run was deleted in Prefect; nothing further is done.") from None
    if state is not None and (state.is_cancelling() or state.is_cancelled()):
        raise Abort("The run was cancelled in Prefect; nothing further is done.")
