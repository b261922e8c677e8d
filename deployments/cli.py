"""`incident`: the command line. Each command is a function in `deployments/commands`; errors become sentences here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import httpx
from cyclopts import App

from deployments.commands import approvals, catalogue, demo, doctor, drill, lab, publishing, run, stack, timeline
from deployments.commands.terminal import errors
from deployments.trouble import CannotStart
from flows.follow import NotNoticed, TookTooLong
from flows.journal import JournalUnavailable, NoSuchIncident
from flows.reply import NotWaiting
from flows.trigger import NotPublished
from runbooks.catalog import UnknownRunbook
from runbooks.model import InvalidRunbook
from tasks.environment import InvalidConfig
from tasks.fault import RefusesProduction
from tasks.model import CannotLook

HELP = """When something breaks at 2 am: find the runbook, see what it would do, approve it, watch it being proved.

incident search the site hangs
incident run database/blocked-sessions --environment production --plan-only
incident approve
"""

app = App(name="incident", help=HELP, version_flags=["--version"])
COMMANDS: Sequence[Callable[..., int]] = (
    catalogue.runbooks,
    catalogue.show,
    catalogue.search,
    run.run,
    approvals.approve,
    timeline.timeline,
    drill.drill,
    doctor.doctor,
    publishing.publish,
    stack.up,
    demo.demo,
)
for command in COMMANDS:
    app.command(command)
app.command(lab.app)

INTERRUPTED = 130
# What a person can mend; each says how.
EXPECTED = (
    CannotLook,
    CannotStart,
    InvalidConfig,
    InvalidRunbook,
    JournalUnavailable,
    NoSuchIncident,
    NotNoticed,
    NotPublished,
    NotWaiting,
    RefusesProduction,
    TookTooLong,
    UnknownRunbook,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 good, 1 not good, 2 used wrongly, 130 interrupted."""
    sys.exit(outcome(arguments))


def outcome(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one command. Errors a person can mend are one sentence; anything else is a defect."""
    try:
        return int(app(arguments, result_action="return_value") or 0)
    except KeyboardInterrupt:
        errors.print("Interrupted.")
        return INTERRUPTED
    except EXPECTED as error:
        errors.print(str(error), markup=False, highlight=False)
        remedy = getattr(error, "remedy", "")
        if remedy:
            errors.print(remedy, markup=False, highlight=False)
        return 1
    except httpx.ConnectError as error:
        errors.print(f"Prefect does not answer ({error}). Is the stack up? Start `incident up`.", markup=False)
        return 1


if __name__ == "__main__":
    main()
