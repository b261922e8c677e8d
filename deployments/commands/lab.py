"""incident lab: the place where things may be broken."""

from __future__ import annotations

import dataclasses

from cyclopts import App

from deployments import lab as servers
from deployments.commands.context import here
from deployments.commands.publishing import published
from deployments.commands.terminal import print_json, say
from deployments.home import Home
from deployments.stack import Stack

app = App(name="lab", sort_key=100, help="Real servers with made-up data on this machine, where drills break things.")


@app.command
def up() -> int:
    """Start the lab: a Postgres with an application's tables, as environment `lab`. It stays until `incident lab down`.

    Everything in it may be broken. With a stack up, the environment is published to it at once.
    """
    lab = servers.up(Home.find(), daemon=True, progress=say)
    say(f"The lab is up: {lab.url('monitor').rpartition('@')[2]}. Its environment is `lab`.")
    say("Rehearse in it: incident drill database/blocked-sessions")
    _tell_the_stack()
    return 0


@app.command
def down() -> int:
    """Stop the lab. Its data stays for the next time."""
    was_up = servers.down(Home.find())
    say("The lab is down." if was_up else "The lab was not up.")
    if was_up:
        _tell_the_stack()
    return 0


@app.command
def status(*, json: bool = False) -> int:
    """Is the lab up? Exit code 0 if it is.

    Parameters
    ----------
    json
        Print it as JSON.
    """
    found = servers.status(Home.find())
    if json:
        print_json(dataclasses.asdict(found))
    elif found.up:
        processes = ", ".join(f"{name} (pid {pid})" for name, pid in found.processes.items())
        say(f"up: Postgres on 127.0.0.1:{found.port}; {processes}")
    else:
        say("down. `incident lab up` starts it.")
    return 0 if found.up else 1


def _tell_the_stack() -> None:
    """The environments have changed: the forms in Prefect offer them, and their alerts are taken."""
    at = here()
    if at.stack_is_up:
        published(at)
    if stack := Stack.find(at.home):
        stack.take_alerts()
