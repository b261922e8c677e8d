"""What a checklist comes to: its answers, what ran by itself, what waits for people, and what is otherwise than before.

Its lines are recorded once, so that a run that is taken up again tells the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flows.case.case import Case, Ending, Fate, step_key
from flows.case.question import open_question
from flows.journal import Entry, LastRun, kinds
from flows.journal.series import AllSeries, Series
from flows.life.execute import GOOD
from flows.run.clock import now
from flows.run.planned import skipped
from flows.told.show import moment
from flows.told.slo import said, standing
from flows.told.usual import TooFew, compared, usual_at
from runbooks.catalog import Catalog
from runbooks.checklist import Health, Ran
from runbooks.model import AnyCheck, Declared
from runbooks.sections import duration
from tasks.model import Finding, Row, Verdict

# Nothing was broken by it; it is to be done again.
NOT_DONE = {Ending.MISSED, Ending.UNDER_WAY, Ending.NOT_READY, Ending.CUT_SHORT}
# So many open incidents are named; the others are counted.
NAMED = 5


def comes_to(
    case: Case,
    health: Health,
    findings: Mapping[AnyCheck, Finding],
    opened: Mapping[AnyCheck, str],
    known: Catalog,
) -> kinds.Checked:
    """The whole table. `opened` says of a question what was done about its BAD answer."""
    before = _before(case)
    # One session for them all: opening one takes longer than reading what is usual.
    with case.journal.series.together() as read:
        answered = [_answered(case, read, asked, found, opened.get(asked, "")) for asked, found in findings.items()]
    items = [
        *answered,
        *_ran(case, [ran for ran in health.ran if _is_here(case, known.get(ran.slug).runbook)]),
        *_open(case),
        *(_objectives(case) if health.objectives else ()),
        *_unsigned(health, before),
        _late(case, before),
    ]
    items.sort(key=lambda item: -Verdict[str(item["verdict"])])
    worst = max((Verdict[str(item["verdict"])] for item in items), default=Verdict.UNKNOWN)
    not_here = sorted({kind for asked in health.questions for kind in asked.lacks(case.environment.kinds)})
    return kinds.Checked(
        verdict=worst.name,
        says=_says(items),
        items=items,
        changed=_changed(items, before),
        not_here=not_here,
    )


def _line(key: str, verdict: Verdict, what: str, says: str, to_do: str = "") -> Row:
    return {"key": key, "verdict": verdict.name, "what": what, "says": says, "to_do": to_do}


def _answered(case: Case, read: AllSeries, asked: AnyCheck, finding: Finding, opened: str) -> Row:
    says = " ".join(filter(None, [finding.says, _beside_the_usual(case, read, asked, finding)]))
    to_do = " ".join(filter(None, [opened, finding.remedy]))
    return _line(asked.name, finding.verdict, asked.question, says, to_do)


def _beside_the_usual(case: Case, read: AllSeries, asked: AnyCheck, finding: Finding) -> str:
    """How the number of what is not well compares with this hour of other weeks; empty where that is not known."""
    if finding.verdict not in (Verdict.WARN, Verdict.BAD) or finding.value is None:
        return ""
    zone, at = case.environment.time_zone, now()
    week = read.week(Series(environment=case.environment.name, check=asked.name), at, zone)
    usual = usual_at(week, at, zone)
    return "" if isinstance(usual, TooFew) else f"That is {compared(finding.value, usual, finding.unit)}."


def _is_here(case: Case, declared: Declared) -> bool:
    """Has the environment anything of what it is about? What has nothing to do never runs, and nobody misses it."""
    return any(not asked.lacks(case.environment.kinds) for asked in declared.concerns)


def _ran(case: Case, declared: Sequence[Ran]) -> Iterator[Row]:
    """What is scheduled beside the checklist: did it end well, and lately?"""
    place = case.environment.name
    lately = case.journal.lately([(ran.slug, place) for ran in declared])
    for ran in declared:
        last = next(iter(lately.get((ran.slug, place), ())), None)
        verdict, says = _judged(last, ran)
        yield _line(
            f"ran {ran.slug}", verdict, f"Did {ran.slug} run, and end well?", says, _remedy(verdict, ran, place)
        )


def _judged(last: LastRun | None, ran: Ran) -> tuple[Verdict, str]:
    if last is None:
        return Verdict.WARN, f"{ran.slug} has never run here."
    if not last.ended_at:
        return Verdict.OK, f"{ran.slug} is under way since {moment(last.opened_at)} (incident {last.incident[:8]})."
    told = f"{ran.slug} ended {moment(last.ended_at)}: {last.verdict} (incident {last.incident[:8]})."
    if Ending(last.verdict) not in GOOD:
        return (Verdict.WARN if Ending(last.verdict) in NOT_DONE else Verdict.BAD), told
    if now() - datetime.fromisoformat(last.ended_at) > ran.within:
        return Verdict.WARN, f"{told} That is longer ago than {duration(ran.within)}."
    return Verdict.OK, told


def _remedy(verdict: Verdict, ran: Ran, place: str) -> str:
    return "" if verdict is Verdict.OK else f"incident run {ran.slug} --environment {place}"


def _objectives(case: Case) -> Iterator[Row]:
    """Where what was promised stands: its budget, and how fast it burns."""
    until = now()
    for one in case.environment.objectives:
        where = standing(case.journal.series, case.environment.name, one, until)
        yield _line(f"objective {one.name}", where.verdict, f"Is “{one.name}” kept as promised?", said(where))


def _open(case: Case) -> Iterator[Row]:
    """What is under way in this environment, and waits for somebody."""
    mine = [
        one
        for one in case.journal.incidents(open_only=True, environment=case.environment.name, limit=200)
        if one.incident != case.incident
    ]
    waiting = [one for one in mine if open_question(case.journal.read(one.incident)) is not None]
    what = "Is any incident open, and does one wait for an answer?"
    if not mine:
        yield _line("incidents", Verdict.OK, what, "No incident is open here.")
        return
    named = ", ".join(f"{one.runbook} ({one.incident[:8]})" for one in mine[:NAMED])
    more = f" and {len(mine) - NAMED} more" if len(mine) > NAMED else ""
    says = f"{_count(len(mine), 'incident is', 'incidents are')} open, {len(waiting)} of them waiting: {named}{more}."
    yield _line("incidents", Verdict.WARN if waiting else Verdict.OK, what, says, "incident approve" if waiting else "")


def _unsigned(health: Health, before: Mapping[str, Entry]) -> Iterator[Row]:
    """What nobody signed the last time: it is shown until somebody does."""
    for part in health.sign_offs:
        closed = before.get(f"{step_key(part.title)}/closed")
        if closed and closed.body["fate"] == Fate.EXPIRED:
            says = f"Nobody signed off “{part.title}” the last time."
            yield _line(
                f"unsigned {part.title}", Verdict.WARN, f"Was “{part.title}” signed off?", says, "Sign it this time."
            )


def _late(case: Case, before: Mapping[str, Entry]) -> Row:
    """How many rounds and checklists came too late to be of use, since the last time or for a day."""
    from prefect.client.orchestration import get_client

    place, what = case.environment.name, "Did everything that is scheduled begin in time?"
    last = before.get("checked")
    since = datetime.fromisoformat(last.at) if last else now() - timedelta(days=1)
    with get_client(sync_client=True) as client:
        number = skipped(client, place, since)
    since_when = f"since {since:%Y-%m-%d %H:%M} UTC"
    if not number:
        return _line("late", Verdict.OK, what, f"No round and no checklist was skipped {since_when}.")
    says = f"{_count(number, 'run was', 'runs were')} skipped {since_when}: they came too late, and nobody looked then."
    return _line("late", Verdict.WARN, what, says, "Was the machine or the worker down? incident doctor")


def _before(case: Case) -> Mapping[str, Entry]:
    """The entries of the time before this one that came to a table, by key."""
    place = (case.catalogued.slug, case.environment.name)
    for run in case.journal.lately([place], limit=5).get(place, ()):
        if run.incident != case.incident:
            entries = {entry.key: entry for entry in case.journal.read(run.incident)}
            if "checked" in entries:
                return entries
    return {}


def _changed(items: Sequence[Row], before: Mapping[str, Entry]) -> list[Row]:
    told: Any = before["checked"].body["items"] if "checked" in before else []
    was = {str(item["key"]): str(item["verdict"]) for item in told}
    return [
        {"what": item["what"], "was": was[str(item["key"])], "is": item["verdict"], "says": item["says"]}
        for item in items
        if str(item["key"]) in was and was[str(item["key"])] != item["verdict"]
    ]


def _says(items: Sequence[Row]) -> str:
    """Whether anybody has to act, in the first words."""
    numbers = Counter(Verdict[str(item["verdict"])] for item in items)
    told = ", ".join(f"{numbers[verdict]} {verdict.name}" for verdict in sorted(numbers, reverse=True))
    if numbers[Verdict.BAD]:
        act = "Somebody has to act"
    elif numbers[Verdict.UNKNOWN]:
        act = "Somebody has to look: not all could be seen"
    elif numbers[Verdict.WARN]:
        act = "Nobody has to act now; it is worth a look"
    else:
        act = "Nobody has to act"
    return f"{act}. Of {len(items)}: {told}."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
