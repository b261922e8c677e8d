"""One look at all logs: what is new in each goes through a question's hands, and where the next one begins is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from tasks.amounts import size, stretch
from tasks.logs.entries import Entries, Entry
from tasks.logs.hint import Hint
from tasks.logs.news import news
from tasks.logs.position import Position
from tasks.logs.system import LogFile, Logs
from tasks.model import CannotLook, Earlier, Json, Row, Verdict

# No further log is begun after it: below what a question has (`Check.limit`), a large one takes seconds.
BEGUN_WITHIN_S = 10.0

Take = Callable[[LogFile, Entry], object]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What became of one log: it was read from `since_s` to `at_s` (Unix time), or `trouble` says why not.

    `position` is where the next look begins. `note`: what of it was not seen.
    """

    log: LogFile
    since_s: float
    at_s: float
    position: Json
    trouble: str = ""
    remedy: str = ""
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """What is not seen is not well: nothing at all, or a part."""
        return Verdict.UNKNOWN if self.trouble else Verdict.WARN if self.note else Verdict.OK


def look(logs: Logs, earlier: Earlier | None, hint: Hint, take: Take) -> list[Looked]:
    """Give `take` every new entry that `hint` says something of, one log after the other.

    A log seen for the first time counts from `Logs.first_look_s` ago, as far as its lines tell their time.
    """
    told = earlier.facts.get("positions") if earlier else None
    before = told if isinstance(told, dict) else {}
    begun = time.monotonic()
    return [_one(logs, log, before.get(str(log.path)), hint, take, begun) for log in logs.files]


def positions(looked: Sequence[Looked]) -> Row:
    """What the next look needs of this one."""
    return {str(one.log.path): one.position for one in looked if one.position is not None}


def since_s(looked: Sequence[Looked]) -> float:
    """How far back the look reaches, in Unix time: the log that was looked at longest ago counts."""
    return min((one.since_s for one in looked if not one.trouble), default=time.time())


def unseen(looked: Sequence[Looked]) -> str:
    """What was not seen, as sentences; empty if all was."""
    told = [f"{one.log.service}: {one.trouble or one.note}" for one in looked if one.trouble or one.note]
    more = f" and {len(told) - 3} more logs" if len(told) > 3 else ""
    return f" Not seen: {'; '.join(told[:3])}{more}." if told else ""


def remedy(looked: Sequence[Looked]) -> str:
    return next((one.remedy for one in looked if one.remedy), "")


def _one(logs: Logs, log: LogFile, facts: Json, hint: Hint, take: Take, begun: float) -> Looked:
    told, now_s = Position.told(facts), time.time()
    if time.monotonic() - begun > BEGUN_WITHIN_S:
        trouble = "had no turn, the logs before it are too large"
        return Looked(log=log, since_s=now_s, at_s=now_s, position=facts, trouble=trouble)
    try:
        with closing(news(log.path, told, first_look_s=logs.first_look_s, most_bytes=logs.most_bytes)) as found:
            gathered = Entries(found.blocks(), hint, follows_error=found.follows_error)
            for entry in gathered:
                at_s = entry.line.at_s
                if not found.first or (at_s is not None and at_s >= found.since_s):
                    take(log, entry)
            position = found.position(broken_off=gathered.broken_off)
    except CannotLook as error:
        says = error.says.rstrip(".")
        return Looked(log=log, since_s=now_s, at_s=now_s, position=facts, trouble=says, remedy=error.remedy)
    note = f"the first {size(found.skipped)} of what is new" if found.skipped else ""
    if found.lost:
        gone = stretch(found.at_s - found.since_s)
        note = f"what was written in the last {gone} before the file was replaced: nothing was kept beside it"
    return Looked(log=log, since_s=found.since_s, at_s=found.at_s, position=position.facts, note=note)
