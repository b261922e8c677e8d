"""incident up: everything on one machine."""

from __future__ import annotations

import os

from deployments.commands.context import Here, adopt, speak_to
from deployments.commands.publishing import published
from deployments.commands.terminal import say
from deployments.home import Home
from deployments.stack import Stack, serve


def up(*, port: int | None = None) -> int:
    """Start Postgres, Prefect, the worker and the recoverer here, and publish the runbooks. Ctrl-C stops them.

    Postgres is our own unless DATABASE_URL names one. State is kept in .incident, or in INCIDENT_HOME.

    Parameters
    ----------
    port
        For the Prefect server. Left out: the one it had, 4200, or any that is free.
    """
    serve(Home.find(), say, database_url=os.environ.get("DATABASE_URL"), port=port, ready=ready)
    return 0


def ready(stack: Stack) -> None:
    """Publish the catalog to a stack that has just come up, and say where to look."""
    adopt(stack.home)
    speak_to(stack)
    published(Here(stack.home))
    say(f"Prefect:   {stack.ui_url}")
    say(f"Database:  {stack.database}")
    say(f"State:     {stack.home.root}")
    say("Ctrl-C stops everything.")
