"""Ways to make an application's day go wrong, in its own rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.application.queries import (
    FAIL_RUNS,
    RESUBSCRIBE,
    SENDER_BACK,
    SENDER_OFF,
    STICK,
    UNFAIL_RUNS,
    UNSTICK,
    UNSUBSCRIBE,
)
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import CannotLook, Refused, Row

# As an application's own job is called.
JOB = "application-drill"


@dataclass(frozen=True)
class Rewritten:
    """Rows that a fault changed: as they were, by their own columns' names, and the statement that puts them back."""

    application: ApplicationDatabase
    rows: Sequence[Row]
    back: str


class StickQueue(Fault):
    """Leave mails in the queue that should have gone out, and switch their sender off."""

    def __init__(self, mails: int = 150) -> None:
        """The newest `mails` that went out wait again, due for two hours."""
        self.mails = mails

    def cause(self, application: ApplicationDatabase) -> tuple[Rewritten, ...]:
        queued = first_value(application, "sends.statuses.queued")
        # The sender first: a mail that waits must not be gone before anybody looks.
        sender = switch_sender_off(application)
        try:
            return rewrite(application, "sends", STICK, UNSTICK, mails=self.mails, queued=queued), *sender
        except CannotLook:
            self.cure(sender)
            raise

    def cure(self, trouble: tuple[Rewritten, ...]) -> None:
        for part in trouble:
            restore(part)


class FailWorkflow(Fault):
    """Let a workflow run and fail, every time."""

    def __init__(self, workflow: str = "") -> None:
        """`workflow`, by default the sender, has failed for twice as long as it may go without a success."""
        self.workflow = workflow

    def cause(self, application: ApplicationDatabase) -> Rewritten:
        executions = application.executions
        workflow = self.workflow or (executions.sender if executions else None)
        if executions is None or workflow not in executions.expected:
            raise Refused(
                "No workflow is expected that could be seen to fail.",
                remedy='Under executions: sender = "…" and expected = { "…" = 900 }, with the name as in the rows.',
            )
        since_s = 2 * executions.expected[workflow]
        error = first_value(application, "executions.statuses.error")
        return rewrite(
            application, "executions", FAIL_RUNS, UNFAIL_RUNS, workflow=workflow, since_s=since_s, error=error
        )

    def cure(self, trouble: Rewritten) -> None:
        restore(trouble)


class UnsubscribeWave(Fault):
    """Let readers unsubscribe in numbers."""

    def __init__(self, share: float = 0.05) -> None:
        """Of the mails of three days, of those that are judged now, this share; as many of them must be opened."""
        self.share = share

    def cause(self, application: ApplicationDatabase) -> Rewritten:
        unsubscribe = first_value(application, "events.types.unsubscribe")
        return rewrite(application, "events", UNSUBSCRIBE, RESUBSCRIBE, share=self.share, unsubscribe=unsubscribe)

    def cure(self, trouble: Rewritten) -> None:
        restore(trouble)


def rewrite(application: ApplicationDatabase, part: str, query: str, back: str, **given: object) -> Rewritten:
    """Run `query`, whose columns are called as the part's fields are.

    Raises:
        Refused: it finds nothing to change, or a name is not mapped; CannotLook: no answer.
    """
    with application.server.drill_session(JOB) as session:
        found = session.run(application.filled(query), **given)
    if not found:
        raise Refused(f"{application.address} has no rows for this fault: {part} is empty, or of another time.")
    rows = [{application.column(f"{part}.{field}")[2]: value for field, value in row.items()} for row in found]
    return Rewritten(application, rows, back)


def switch_sender_off(application: ApplicationDatabase) -> tuple[Rewritten, ...]:
    """Switch the sender off, where it is mapped.

    Raises:
        Refused: it has no row; CannotLook: no answer.
    """
    sender = application.executions.sender if application.executions else None
    if sender is None or not application.knows(SENDER_OFF):
        return ()
    off = first_value(application, "workflows.states.off")
    return (rewrite(application, "workflows", SENDER_OFF, SENDER_BACK, sender=sender, off=off),)


def restore(trouble: Rewritten) -> None:
    """Put the rows back as they were, whatever became of them since."""
    with trouble.application.server.drill_session(JOB) as session:
        session.run(trouble.application.filled(trouble.back), rows=json.dumps(trouble.rows))


def first_value(application: ApplicationDatabase, name: str) -> str:
    """The first of the values that mean `name`.

    Raises:
        Refused: none is mapped.
    """
    return application.values(name)[0]
