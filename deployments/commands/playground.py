"""The stack and the lab, for a command that needs both: those that are up here, or for as long as it takes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.commands.publishing import published
from deployments.home import Home
from deployments.progress import Progress
from deployments.stack import Stack


@contextlib.contextmanager
def playground(home: Home, say: Progress) -> Iterator[tuple[Here, Stack]]:
    """Both, with the lab published and its alerts taken. What was up before stays so."""
    running, lab_is_up = Stack.find(home), servers.status(home).up
    if running:
        say(f"A stack is up in {home.root}; using it.")
    with (
        running or Stack.up(home, say, database_url=os.environ.get("DATABASE_URL")) as stack,
        contextlib.ExitStack() as after,
    ):
        if running and not lab_is_up:
            # Whoever took the lab's alerts has no lab any more.
            after.callback(running.take_alerts)
        after.enter_context(servers.up(home, daemon=False, progress=say))
        adopt(home)
        speak_to(stack)
        at = Here(home)
        published(at, say)
        if not lab_is_up or not stack.takes_alerts:
            stack.take_alerts()
        yield at, stack
