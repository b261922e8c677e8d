"""incident up: everything on one machine."""

from __future__ import annotations

import os

from deployments.commands.context import Here, adopt
from deployments.commands.terminal import console
from deployments.home import Home
from deployments.stack import Stack, serve


def say(text: str) -> None:
    """One line of progress; it wraps nothing and means no markup."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


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
    adopt(stack.home, stack)
    here = Here(stack.home)
    from deployments.publish import publish

    changes = publish(here.catalog, here.config)
    say(f"Published {len(changes)} changed deployments." if changes else "All deployments are as declared.")
    say(f"Prefect:   {stack.ui_url}")
    say(f"Database:  {stack.database}")
    say(f"State:     {stack.home.root}")
    say("Ctrl-C stops everything.")
