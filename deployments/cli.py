"""`incident`: the command line. Each command is a function in `deployments/commands`; errors become sentences here."""

from __future__ import annotations

import importlib.metadata
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence

import httpx
from cyclopts import App, Parameter

from deployments.commands import (
    alerts,
    approvals,
    approvers,
    audit,
    catalogue,
    demo,
    doctor,
    drill,
    handling,
    health,
    lab,
    new,
    publishing,
    report,
    run,
    schedule,
    slo,
    stack,
    team,
    thresholds,
    timeline,
    trend,
    watch,
)
from deployments.commands.context import UnknownEnvironment
from deployments.commands.terminal import errors
from deployments.trouble import CannotStart
from flows.gate.reply import NotWaiting
from flows.journal import (
    CannotAnchor,
    CannotRemove,
    JournalBroken,
    JournalUnavailable,
    NoSuchIncident,
    NotAnchors,
    NotAnExport,
    Retired,
)
from flows.journal.holding import TellsNothing
from flows.people.handling import Over
from flows.run import settings
from flows.run.trigger import NotPublished
from flows.told.asked import UnknownCheck
from flows.told.follow import NotNoticed, TookTooLong
from flows.told.words import plain
from runbooks.catalog import UnknownRunbook
from runbooks.model import InvalidRunbook
from runbooks.parameter import WrongParameters
from tasks.defect import line_of
from tasks.fault import RefusesProduction
from tasks.model import CannotLook
from tasks.toml import InvalidConfig

HELP = """When something breaks at 2 am: find the runbook, see what it would do, approve it, watch it being proved.

incident search the site hangs
incident run database/blocked-sessions --environment production --plan-only
incident run database/blocked-sessions --environment production
incident approve

Never used it? `incident demo` breaks a lab of its own on this machine and takes you through one incident.
"""

app = App(
    name="incident",
    help=HELP,
    # Markdown would join the lines of the examples.
    help_format="plaintext",
    # `outcome` says it.
    suppress_keyboard_interrupt=False,
    version=lambda: importlib.metadata.version("incident-pipelines"),
    version_flags=["--version"],
    # A switch is off unless it is given: nobody needs --no-json.
    default_parameter=Parameter(negative=(), show_default=lambda default: default or None),
)
COMMANDS: Sequence[Callable[..., int]] = (
    catalogue.search,
    catalogue.show,
    catalogue.runbooks,
    run.run,
    approvals.approve,
    timeline.timeline,
    trend.trend,
    slo.slo,
    handling.note,
    handling.take,
    handling.severity,
    handling.close,
    drill.drill,
    health.health,
    report.report,
    schedule.schedule,
    doctor.doctor,
    team.check,
    team.pages,
    publishing.publish,
    stack.up,
    demo.demo,
)
# In the order in which a night needs them, not of the alphabet.
for rank, command in enumerate(COMMANDS):
    app.command(command, sort_key=rank)
app.command(alerts.app)
app.command(watch.app)
app.command(lab.app)
app.command(audit.app)
app.command(thresholds.app)
app.command(approvers.app)
app.command(new.app)

NOT_GOOD = 1
USED_WRONGLY = 2
INTERRUPTED = 130
# What was asked for does not exist, or must not be.
WRONG_USE = (
    NoSuchIncident,
    RefusesProduction,
    TellsNothing,
    UnknownCheck,
    UnknownEnvironment,
    UnknownRunbook,
    WrongParameters,
)
# What a person can mend; each says how.
EXPECTED = (
    *WRONG_USE,
    CannotAnchor,
    CannotLook,
    CannotRemove,
    CannotStart,
    InvalidConfig,
    InvalidRunbook,
    JournalBroken,
    JournalUnavailable,
    NotAnExport,
    NotAnchors,
    NotNoticed,
    NotPublished,
    NotWaiting,
    Over,
    Retired,
    TookTooLong,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 good, 1 not good, 2 used wrongly, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has no "…" still shows the rest.
            stream.reconfigure(errors="replace")
    sys.exit(outcome(arguments))


def outcome(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one command. Errors a person can mend are one sentence; anything else is a defect."""
    try:
        return int(app(arguments, result_action="return_value") or 0)
    except KeyboardInterrupt:
        errors.print("Interrupted.")
        return INTERRUPTED
    except EXPECTED as error:
        errors.print(plain(str(error)))
        for line in getattr(error, "remedy", "").splitlines():
            errors.print(plain(line), soft_wrap=True)
        return USED_WRONGLY if isinstance(error, WRONG_USE) else NOT_GOOD
    except BrokenPipeError:
        # `| head` has seen enough. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_GOOD
    except httpx.HTTPError as error:
        errors.print(_prefect_trouble(error))
        return NOT_GOOD
    except Exception as error:  # noqa: BLE001 - whatever it is, a person at 2 am needs a way on, and we the lines
        errors.print(_traceback(error), soft_wrap=True)
        errors.print(_blame(error))
        return NOT_GOOD


def _blame(error: Exception) -> str:
    line = line_of(error)
    if line is not None and not line.ours:
        return f"This is a defect of {line.place}, not of `incident` or your systems. The lines above say where."
    return "Sorry: this is a defect of `incident`, not of your systems. The lines above say where; please report them."


def _prefect_trouble(error: httpx.HTTPError) -> str:
    said = plain(str(error) or type(error).__name__)
    if isinstance(error, httpx.HTTPStatusError):
        return f"Prefect refused: {said}"
    url = os.environ.get("PREFECT_API_URL", "no PREFECT_API_URL")
    return (
        f"Prefect does not answer at {url}: {said}. Is the stack up? `incident doctor` looks, `incident up` starts it."
    )


def _traceback(error: Exception) -> str:
    # People paste it into tickets; an error of a library may quote the URL it was given.
    return settings.redactor().text("".join(traceback.format_exception(error)).rstrip())


if __name__ == "__main__":
    main()
