"""incident lab: the place where things may be broken."""

from __future__ import annotations

import dataclasses

from cyclopts import App

from deployments import lab as servers
from deployments.commands.stack import say
from deployments.commands.terminal import print_json
from deployments.home import Home

app = App(name="lab", help="Real servers with made-up data on this machine, where drills break things.")


@app.command
def up() -> int:
    """Start the lab and add its environment, `lab`. It stays until `incident lab down`."""
    lab = servers.up(Home.find(), daemon=True, progress=say)
    say(f"The lab is up: {lab.url('monitor').rpartition('@')[2]}. Its environment is `lab`.")
    return 0


@app.command
def down() -> int:
    """Stop the lab. Its data stays for the next time."""
    say("The lab is down." if servers.down(Home.find()) else "The lab was not up.")
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
        say(f"up: Postgres on 127.0.0.1:{found.port}, processes {dict(found.processes)}")
    else:
        say("down. `incident lab up` starts it.")
    return 0 if found.up else 1
