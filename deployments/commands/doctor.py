"""incident doctor: is every configured system reachable, with what rights, and what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from deployments.commands.context import Here, NoStack, here
from deployments.commands.terminal import console, print_json, show_verdict
from flows.case.bodies import finding_body
from flows.gate.proof import counts
from flows.journal import JournalUnavailable, Rights
from flows.run import settings
from runbooks.catalog import watch_name
from tasks.defect import in_our_words
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Finding, Verdict
from tasks.toml import InvalidConfig

if TYPE_CHECKING:
    from flows.keepers.clock import Clock


def doctor(environment: str | None = None, *, json: bool = False) -> int:
    """Is every configured system reachable, with what rights, and what is missing? Changes nothing.

    Exit code 0 only if nothing is UNKNOWN or BAD.

    Parameters
    ----------
    environment
        Only this one, and the stack. Left out: all of them.
    json
        Print the findings as JSON.
    """
    at = here()
    if environment is not None:
        _refuse_unknown(at, environment)
    places = {"stack": _stack(at), **_runbooks(at), **_environments(at, environment)}
    # Shown as they come: a server that does not answer takes its time.
    found = {place: [_heard(f, json) for f in _headed(place, asked, json)] for place, asked in places.items()}
    if json:
        print_json({place: [finding_body(finding) for finding in findings] for place, findings in found.items()})
    return 0 if all(f.verdict < Verdict.UNKNOWN for findings in found.values() for f in findings) else 1


def _headed(place: str, asked: Iterable[Finding], json: bool) -> Iterable[Finding]:
    if not json:
        console.print(f"\n{place}", style="bold")
    return asked


def _heard(finding: Finding, json: bool) -> Finding:
    if not json:
        show_verdict(finding.verdict, finding.says, finding.remedy)
    return finding


def _refuse_unknown(at: Here, environment: str) -> None:
    """A mistyped name is not an illness."""
    if environment not in at.config.names:
        at.environment(environment)


def _environments(at: Here, only: str | None) -> dict[str, Iterator[Finding]]:
    try:
        names = [only] if only else at.config.names
    except InvalidConfig as error:
        return {"configuration": iter([Finding(verdict=Verdict.BAD, says=str(error))])}
    if not names:
        says = f"No environment is configured: {at.config.file} names none, and no lab is up."
        remedy = "cp environments.example.toml environments.toml   # then fill it in\nincident lab up"
        return {"environments": iter([Finding.unknown(says, remedy=remedy)])}
    return {name: _environment(at, name) for name in names}


def _environment(at: Here, name: str) -> Iterator[Finding]:
    try:
        place = at.config.environment(name)
    except InvalidConfig as error:
        yield Finding.unknown(str(error))
        return
    yield from _declared(at, place)
    yield from _unwatched(at, place)
    redact = settings.redactor(place)
    for key, system in place.systems.items():
        try:
            with in_our_words(f"{type(system).__name__}.examine"):
                yield from system.examine()
        except CannotLook as error:
            yield Finding.unknown(f"{key}: {redact.text(error.says)}", remedy=redact.text(error.remedy))


def _unwatched(at: Here, place: Environment) -> Iterator[Finding]:
    """The watches that could not look the last time: what they watch, nobody does."""
    from flows.keepers.blind import blind

    watched = {w.check.name for slug, w in at.catalog.watches() if watch_name(slug, w) not in place.paused_watches}
    # Of a journal that does not answer, the stack's own finding tells.
    with suppress(NoStack, JournalUnavailable):
        yield from blind(at.journal(place), place.name, watched)


def _declared(at: Here, place: Environment) -> Iterator[Finding]:
    for says in at.catalog.unknown_overrides(place):
        yield Finding(verdict=Verdict.BAD, says=f"No runbook runs in {place.name}. {says}")
    if not place.approvers:
        yield Finding(
            verdict=Verdict.WARN,
            says=f"Nobody may approve anything in {place.name}: the roster is empty.",
            remedy=f'[environments.{place.name}.approvers.YOU]\nroles = ["on-call"]',
        )
    unproved = sorted(name for name, person in place.approvers.items() if not counts(person, place.kind))
    if unproved:
        yield Finding(
            verdict=Verdict.WARN,
            says=f"In {place.name} a name alone does not count, and {', '.join(unproved)} could not prove theirs.",
            remedy="\n".join(f"incident approvers enrol '{name}'" for name in unproved),
        )
    if place.kind is Kind.PRODUCTION and not place.routes:
        yield Finding(
            verdict=Verdict.WARN,
            says=f"Nobody is told when a step waits in {place.name}: no routes are configured.",
            remedy=f'[environments.{place.name}.routes]\non-call = ["${{ON_CALL_SLACK}}"]',
        )
    if not place.systems:
        yield Finding.unknown(
            f"{place.name} has no systems: every question there is unanswered.",
            remedy=f'[environments.{place.name}.systems.postgres]\nurl = "${{POSTGRES_URL}}"',
        )
    elif lacking := at.catalog.nowhere(place):
        # Not ill, and nobody asks it: a team without a mirror is not to be told so in red.
        yield Finding(
            verdict=Verdict.OK,
            says=f"Not configured in {place.name}, so nothing is asked of them: {', '.join(lacking)}.",
        )


def _runbooks(at: Here) -> dict[str, Iterator[Finding]]:
    try:
        complaints = at.catalog.complaints
    except InvalidConfig:
        return {}  # said of the configuration, or of each environment
    told = (Finding(verdict=Verdict.BAD, says=f"Cannot be used, the others can: {said}") for said in complaints)
    return {"runbooks": told} if complaints else {}


def _stack(at: Here) -> Iterator[Finding]:
    if not at.stack_is_up:
        yield Finding.unknown(f"No stack is up in {at.home.root}.", remedy="incident up")
        return
    yield _prefect()
    yield _journal(at)
    yield from _schedules()
    yield from _alerts(at)


def _alerts(at: Here) -> Iterator[Finding]:
    """Does monitoring reach us? Of a journal that does not answer, its own finding tells."""
    from deployments.intake import settings
    from deployments.intake.examine import examine

    if not at.config.alerts.get("sources"):
        return
    try:
        found = settings.load(at.config, at.catalog)
    except InvalidConfig as error:
        yield Finding(verdict=Verdict.BAD, says=f"No alerts are taken: {error}")
        return
    with suppress(NoStack, JournalUnavailable):
        yield from examine(at.journal().alerts, found.listening, tuple(found.sources))


def _schedules() -> Iterator[Finding]:
    """Do schedules begin what they should? That no worker is there, or Prefect itself, was said before."""
    from deployments.prefect_server import POOL
    from deployments.wanted import TAG
    from flows.keepers import clock

    seen = clock.look(TAG, POOL)
    said = [trouble for trouble in seen.troubles if trouble.key not in (clock.NO_ANSWER, clock.NO_WORKER)]
    yield from (Finding(verdict=Verdict.BAD, says=trouble.says, remedy=trouble.remedy) for trouble in said)
    if not seen.troubles:
        yield Finding(verdict=Verdict.OK, says=_on_time(seen))


def _on_time(seen: Clock) -> str:
    loops = "" if seen.loops_seen else " How Prefect's own loops do is not known: this server does not tell."
    if not seen.schedules or seen.next_run is None:
        return f"No schedule is active, so nothing begins by itself.{loops}"
    begins = f"the next run begins {seen.next_run:%Y-%m-%d %H:%M:%S} UTC"
    return f"Schedules fire: {seen.schedules} are active, {begins}.{loops}"


def _journal(at: Here) -> Finding:
    try:
        rights = at.journal().open().rights()
    except JournalUnavailable as error:
        return Finding(verdict=Verdict.BAD, says=str(error))
    return _judged(rights)


def _judged(rights: Rights) -> Finding:
    if rights.missing:
        return Finding(
            verdict=Verdict.BAD,
            says=f"The journal refuses {rights.role}: it lacks {', '.join(rights.missing)}.",
            remedy="Run the migration again, naming the running role.",
        )
    if rights.beyond:
        return Finding(
            verdict=Verdict.BAD,
            says=f"{rights.role} could change the journal: beside INSERT and SELECT it may {', '.join(rights.beyond)}.",
            remedy="Name another role in INCIDENT_JOURNAL_URL: one that owns nothing and was granted these two.",
        )
    return Finding(verdict=Verdict.OK, says=f"The journal answers; {rights.role} may add and read, and change nothing.")


def _prefect() -> Finding:
    import httpx
    import prefect
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    from deployments.publish import POOL

    try:
        with get_client(sync_client=True) as client:
            served = client.request("GET", "/admin/version").json()
            workers = client.read_workers_for_work_pool(POOL)
    except ObjectNotFound:
        return _no_worker(served, POOL)
    except httpx.HTTPError as error:
        says = f"Prefect does not answer at {os.environ['PREFECT_API_URL']}: {error}"
        return Finding.unknown(says, remedy="incident up")
    if served != prefect.__version__:
        return Finding(
            verdict=Verdict.BAD,
            says=f"The Prefect server is {served}, we are {prefect.__version__}; they must be the same.",
            remedy="Install the same requirements.txt on both.",
        )
    online = sum(worker.status == "ONLINE" for worker in workers)
    if not online:
        return _no_worker(served, POOL)
    return Finding(verdict=Verdict.OK, says=f"Prefect {served} answers; workers online: {online}.")


def _no_worker(served: str, pool: str) -> Finding:
    return Finding(
        verdict=Verdict.BAD,
        says=f"Prefect {served} answers, but no worker of the pool {pool!r} is online: nothing would run.",
        # Never Prefect's own worker: it executes whatever the API says.
        remedy="incident up, or on another machine: python -P -m deployments.worker --name NAME",
    )
