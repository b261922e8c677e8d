"""Every question about an application, for tests that ask them all."""

from __future__ import annotations

from tasks.application.analytics import checks as analytics
from tasks.application.control import checks as control
from tasks.application.control import eligible, queue, sender
from tasks.application.figures import checks as figures
from tasks.application.inboxes import checks as inboxes
from tasks.application.reactions import bounces
from tasks.application.reactions import checks as reactions
from tasks.application.rows import checks as rows
from tasks.application.sending import checks as sending
from tasks.application.workflows import checks as workflows
from tasks.check import Check

MODULES = (
    analytics,
    bounces,
    control,
    eligible,
    figures,
    inboxes,
    queue,
    reactions,
    rows,
    sender,
    sending,
    workflows,
)
# For whoever wants mail stopped: that it goes out is BAD.
IN_NEED = {"check_sending_stopped"}
QUESTIONS: tuple[Check[...], ...] = tuple(
    one for module in MODULES for one in vars(module).values() if isinstance(one, Check)
)
