"""What ran in the last hour, by state: a bounded number of pages of each, and said where there is more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from tasks.kept import asked_once
from tasks.model import CannotLook, Json
from tasks.n8n import reading
from tasks.n8n.executions import failure
from tasks.n8n.executions.failure import Failure
from tasks.n8n.lanes import each
from tasks.n8n.system import PAGE, N8n
from tasks.n8n.told import Execution, State

WINDOW = timedelta(hours=1)
# Of each state: 2,000 runs. More tell nothing that these do not, and a page takes n8n some 20 ms.
MOST_PAGES = 8
# Of the successes, which are only counted: a share over 1,000 is a share.
SUCCESS_PAGES = 4
# How many failures are read with their data, for their class: the newest of each workflow in turn.
READ = 24
SLICE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """Runs of one state that ended within the window, the newest first; not `whole`: there are more."""

    runs: tuple[Execution, ...]
    whole: bool

    @property
    def said(self) -> str:
        """'12', or 'at least 2,000'."""
        return f"{'' if self.whole else 'at least '}{len(self.runs):,}"


@dataclass(frozen=True, kw_only=True)
class Lately:
    """The last hour. `under_way` are the runs that have not ended: running, waiting, queued."""

    now: datetime
    failed: Ended
    crashed: Ended
    succeeded: Ended
    under_way: tuple[Execution, ...]
    # Ended by a person, which is a decision: what such a run was made from is not retried once more.
    stopped: Ended

    @property
    def open(self) -> tuple[Execution, ...]:
        """Failed ones that nobody has retried, or whose retry failed: then the retry, not what it was made from.

        n8n marks only the very run that was retried, not the one that run was made from: the chain is followed here.
        """
        retried = self.retries
        return tuple(run for run in self.failed.runs if not run.retried_as and run.id not in retried)

    @property
    def cut_off(self) -> tuple[Execution, ...]:
        """Crashed ones that nobody has retried."""
        retried = self.retries
        return tuple(run for run in self.crashed.runs if not run.retried_as and run.id not in retried)

    @property
    def retries(self) -> Mapping[str, str]:
        """By a run, what was made from it and has not succeeded; of several the last."""
        there = [*self.failed.runs, *self.crashed.runs, *self.stopped.runs, *self.under_way]
        return {run.retry_of: run.id for run in reversed(there) if run.retry_of}


def lately(n8n: N8n) -> Lately:
    """Each state asked for by its name: a list without one leaves out what runs, and `error` what crashed.

    Raises:
        CannotLook, Refused: they cannot be had.
    """
    return asked_once((n8n.url, "lately"), lambda: look(n8n))


def under_way(n8n: N8n, state: State) -> Ended:
    """The runs in a state that is none of those that end.

    Raises:
        CannotLook, Refused: they cannot be had.
    """
    return _ended(n8n, state, None, MOST_PAGES)


def look(n8n: N8n) -> Lately:
    """The same asked anew, as after a change.

    Raises:
        CannotLook, Refused: they cannot be had.
    """
    now = datetime.now(UTC)
    since = now - WINDOW
    moving = [under_way(n8n, state) for state in (State.RUNNING, State.WAITING, State.NEW)]
    return Lately(
        now=now,
        failed=_ended(n8n, State.ERROR, since, MOST_PAGES),
        crashed=_ended(n8n, State.CRASHED, since, MOST_PAGES),
        succeeded=_ended(n8n, State.SUCCESS, since, SUCCESS_PAGES),
        stopped=_ended(n8n, State.CANCELED, since, 1),
        under_way=tuple(run for ended in moving for run in ended.runs),
    )


def _ended(n8n: N8n, state: State, since: datetime | None, most: int) -> Ended:
    """Page after page, until one lies before `since` as a whole: they are ordered by when they were made, not ended."""
    found: list[Execution] = []
    for number, page in enumerate(n8n.executions(state), start=1):
        within = [run for run in page if since is None or (run.at is not None and run.at >= since)]
        found += within
        if since is not None and not within:
            break
        if number == most:
            return Ended(runs=tuple(found), whole=len(page) < PAGE)
    return Ended(runs=tuple(found), whole=True)


def in_turn(runs: Iterable[Execution], most: int) -> list[Execution]:
    """Of each workflow the newest, then of each the next, until there are `most`."""
    of: dict[str, list[Execution]] = {}
    for run in runs:
        of.setdefault(run.workflow, []).append(run)
    turns = [(turn, run) for mine in of.values() for turn, run in enumerate(mine)]
    return [run for _, run in sorted(turns, key=lambda pair: pair[0])][:most]


def why(n8n: N8n, runs: Iterable[Execution]) -> list[Failure]:
    """Why each failed, read with its data; of a crashed one nothing is read."""
    asked = list(runs)
    told = dict(each([run.id for run in asked if run.state != State.CRASHED], partial(n8n.execution, data=True)))
    return [_read(run, told.get(run.id)) for run in asked]


def _read(run: Execution, told: Mapping[str, Json] | CannotLook | None) -> Failure:
    if isinstance(told, CannotLook):
        return failure.unread(run, reading.text(told.says))
    return failure.read(run, told)


def over_time(runs: Iterable[Execution], now: datetime) -> str:
    """How many ended in each five minutes of the window, the oldest first: '0 0 0 3 12 …'."""
    slices = [0] * (WINDOW // SLICE)
    for run in runs:
        ago = now - (run.at or now)
        slices[-1 - min(max(ago // SLICE, 0), len(slices) - 1)] += 1
    return " ".join(map(str, slices))
