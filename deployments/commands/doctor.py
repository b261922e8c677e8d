"""incident doctor: is every configured system reachable, with what rights, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.commands.context import Here, here
from deployments.commands.terminal import console, print_json, show_verdict
from flows.journal import JournalUnavailable
from flows.record import finding_body
from tasks.environment import InvalidConfig
from tasks.model import CannotLook, Finding, Verdict


def doctor(environment: str | None = None, *, json: bool = False) -> int:
    """Is every configured system reachable, with what rights, and what is missing? Changes nothing.

    Exit code 0 only if nothing is UNKNOWN or BAD.

    Parameters
    ----------
    environment
        Only this one. Left out: all of them.
    json
        Print the findings as JSON.
    """
    at = here()
    found: dict[str, list[Finding]] = {"stack": list(_stack(at))}
    for name in [environment] if environment else at.config.names:
        found[name] = list(_environment(at, name))
    if json:
        print_json({place: [finding_body(finding) for finding in findings] for place, findings in found.items()})
    else:
        for place, findings in found.items():
            console.print(f"\n{place}", style="bold", markup=False)
            for finding in findings:
                show_verdict(finding.verdict, finding.says, finding.remedy)
    return 0 if all(f.verdict < Verdict.UNKNOWN for findings in found.values() for f in findings) else 1


def _environment(at: Here, name: str) -> Iterator[Finding]:
    try:
        place = at.config.environment(name)
    except InvalidConfig as error:
        yield Finding.unknown(str(error))
        return
    for says in at.catalog.unknown_overrides(place):
        yield Finding(verdict=Verdict.WARN, says=says)
    if not place.approvers:
        yield Finding(
            verdict=Verdict.WARN,
            says=f"Nobody may approve anything in {name}: the roster is empty.",
            remedy=f'[environments.{name}.approvers.YOU]\nroles = ["on-call"]',
        )
    for key, system in place.systems.items():
        try:
            yield from system.examine()
        except CannotLook as error:
            yield Finding.unknown(f"{key}: {error.says}", remedy=error.remedy)


def _stack(at: Here) -> Iterator[Finding]:
    if not at.stack_is_up:
        yield Finding.unknown("The stack of this folder is not up.", remedy="incident up")
        return
    yield _prefect()
    yield _journal(at)


def _journal(at: Here) -> Finding:
    try:
        at.journal().open()
    except JournalUnavailable as error:
        return Finding(verdict=Verdict.BAD, says=f"The journal: {error}", remedy="incident up")
    return Finding(verdict=Verdict.OK, says="The journal is migrated and answers the running role.")


def _prefect() -> Finding:
    import httpx
    import prefect
    from prefect.client.orchestration import get_client

    from deployments.publish import POOL

    try:
        with get_client(sync_client=True) as client:
            served = client.request("GET", "/admin/version").json()
            workers = client.read_workers_for_work_pool(POOL)
    except httpx.HTTPError as error:
        return Finding.unknown(f"Prefect does not answer: {error}", remedy="incident up")
    if served != prefect.__version__:
        return Finding(
            verdict=Verdict.BAD,
            says=f"The Prefect server is {served}, this worker is {prefect.__version__}; they must be the same.",
            remedy="Install the same requirements.txt on both.",
        )
    online = [worker for worker in workers if worker.status == "ONLINE"]
    if not online:
        return Finding(
            verdict=Verdict.BAD,
            says=f"Prefect {served} answers, but no worker of the pool {POOL!r} is online: nothing would run.",
            remedy=f"incident up, or: prefect worker start --pool {POOL}",
        )
    return Finding(verdict=Verdict.OK, says=f"Prefect {served} answers, with {len(online)} worker online.")
