"""One root, many symptoms: what may be the symptom of another incident waits for that one's verdict.

1. After the diagnosis it is recorded, in both, which incidents of related runbooks are open in the environment.
2. Is one of them open that this runbook declares to be a symptom of, that one leads: this one is suspended at a gate of
   its own. Nobody is called out for it; whoever reads it may have it go on beside the other.
3. The recoverer wakes it when the leader has ended, however that ended (flows/keepers/recover.py). It looks again: what
   is gone needs no step, and what is still there gets its own.
4. Nobody waits for ever: after the time of any approval it goes on by itself. P0 means now, and waits for nobody.
"""

from __future__ import annotations

from contextlib import suppress

from flows.case.case import ENGINE, Case
from flows.case.leading import FOLLOW, how_it_ended, led_by
from flows.case.question import Decision
from flows.gate.settle import Settled, rounds, settle
from flows.journal import AlreadyRecorded, Entry, IncidentSummary, JournalBroken, NoSuchIncident, Retired, kinds
from flows.step.by_hand import nothing_by_us, still_there
from runbooks.model import Severity

# As many open incidents are looked through for those that belong together.
LOOKED_THROUGH = 200
ITS_OWN = (
    "Nothing needs to be decided: it looks again as soon as the other one has ended, and closes where nothing is left. "
    "Approve to have it go on beside the other one now. Skip to leave it to the other one, and close it as it is."
)


def follow(case: Case) -> bool:
    """Does it go on with steps of its own? Waits for the verdict of the incident that leads it, if there is one."""
    led = case.log.get(f"{FOLLOW}/led")
    if led is None:
        leader = _leader(case)
        if leader is None:
            return True
        led = case.record(f"{FOLLOW}/led", _wait(case, leader))
        case.say(str(led.body["says"]))
    return bool(led.body["goes_on"])


def left_to_the_other(case: Case) -> bool:
    """Did a person close it as it is? Then nothing is waited for."""
    led = case.log.get(f"{FOLLOW}/led")
    return led is not None and bool(led.body["left"])


def _leader(case: Case) -> Entry | None:
    """What this one follows, as it was recorded; looked for before anybody was asked about a step, and never later."""
    if not case.log.get(f"{FOLLOW}/ask/1/asked") and not _begun(case):
        for other in _others(case):
            _tell_each_other(case, other)
    return led_by(case.log.entries)


def _begun(case: Case) -> bool:
    return any(entry.is_a(kinds.Asked, kinds.Planned, kinds.Manual, kinds.Step) for entry in case.log.entries)


def _others(case: Case) -> list[IncidentSummary]:
    """The open incidents of related runbooks; those that would lead first, and of those the oldest."""
    found = case.journal.incidents(open_only=True, environment=case.environment.name, limit=LOOKED_THROUGH)
    others = [one for one in found if one.incident != case.incident and one.runbook in case.kin]
    return sorted(others, key=lambda one: (one.runbook not in case.runbook.symptom_of, one.opened_at))


def _tell_each_other(case: Case, other: IncidentSummary) -> None:
    slug, place = case.catalogued.slug, case.environment.name
    may_lead = other.runbook in case.runbook.symptom_of and case.severity != Severity.P0
    leads = may_lead and led_by(case.log.entries) is None
    then = " This one may be a symptom of it, and waits for its verdict." if leads else ""
    says = f"{other.runbook} is open in {place} as well: incident {other.incident[:8]}.{then}"
    told = kinds.Beside(incident=other.incident, runbook=other.runbook, leads=leads, says=says)
    case.log.once(f"beside/{other.incident}", ENGINE, lambda: told)
    case.say(says)
    then = " It may be a symptom of this one, and waits for its verdict." if leads else ""
    back = f"{slug} is open in {place} as well: incident {case.incident[:8]}.{then}"
    # Written by whoever died here, or over since we looked.
    with suppress(AlreadyRecorded, NoSuchIncident, Retired, JournalBroken):
        case.journal.note(
            other.incident,
            ENGINE,
            f"beside/{case.incident}",
            kinds.Beside(incident=case.incident, runbook=slug, leads=False, says=back),
        )


def _wait(case: Case, leader: Entry) -> kinds.Led:
    """Until it ended, what was found is gone, somebody decided, or the time is over."""
    slug, refused = str(leader.body["runbook"]), ""
    for ask in rounds(case, FOLLOW):
        if case.log.get(f"{ask}/asked") is None and (led := _over(case, leader, ask, again=bool(refused))):
            return led
        reason = f"{_found(case)} {leader.body['says']}"
        settled = settle(case, ask, f"Wait for {slug}", reason, nothing_by_us(case, ITS_OWN), refused=refused)
        if isinstance(settled, Settled):
            return _decided(slug, settled)
        refused = settled
    raise AssertionError("rounds never ends")


def _over(case: Case, leader: Entry, ask: str, *, again: bool) -> kinds.Led | None:
    """Why there is nothing to wait for any more; None where there is."""
    slug, ended = str(leader.body["runbook"]), how_it_ended(case.journal, str(leader.body["incident"]))
    if not ended and not again:
        return None
    then = f"{slug} has ended: {ended}." if ended else f"{slug} is open."
    if not still_there(case, ask):
        return kinds.Led(says=f"{then} What was found here is gone, too.", goes_on=False, left=False)
    if not ended:
        return None
    return kinds.Led(
        says=f"{then} What was found here is still there, and gets its own steps.", goes_on=True, left=False
    )


def _decided(slug: str, settled: Settled) -> kinds.Led:
    by = ", ".join(settled.by)
    if settled.decision is None:
        return kinds.Led(says=f"{slug} has no verdict in time: this one goes on by itself.", goes_on=True, left=False)
    if settled.decision is Decision.APPROVE:
        return kinds.Led(says=f"{by} has it go on beside {slug}. {settled.note}".strip(), goes_on=True, left=False)
    return kinds.Led(says=f"{by} leaves it to {slug}. {settled.note}".strip(), goes_on=False, left=True)


def _found(case: Case) -> str:
    found = case.diagnosed()
    return " ".join(found[asked].says for asked in case.called())
