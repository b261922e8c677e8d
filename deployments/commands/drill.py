"""incident drill: break a lab on purpose, and live through it by the real gate."""

from __future__ import annotations

from deployments.commands.context import here
from deployments.commands.entries import Teller
from deployments.commands.terminal import console, errors, print_json
from flows.journal import Entry


def drill(slug: str, *, environment: str = "lab", json: bool = False) -> int:
    """Rehearse a runbook: break the lab, notice it, approve as the drill approver, verify, mend.

    Exit code 0 only if every drill ended fixed, by the step it rehearses.

    Parameters
    ----------
    slug
        For example database/blocked-sessions.
    environment
        A lab or staging environment; production is refused.
    json
        Print the results as JSON.
    """
    at = here()
    catalogued = at.catalog.get(slug)
    place = at.environment(environment)
    if not catalogued.runbook.drills:
        errors.print(f"{slug} declares no drill.")
        return 2
    for declared in catalogued.runbook.drills:
        declared.fault.refuse_production(place)
    at.require_stack()
    from flows.drill import drill_approver, rehearse, rehearsed_step

    results = []
    for declared in catalogued.runbook.drills:
        if not json:
            console.print(f"Breaking {place.name}: {declared.fault.title}.")
        approver = drill_approver(place, rehearsed_step(catalogued, declared))
        results.append(
            rehearse(catalogued, declared, place, at.journal(place), approver, _ignore if json else Teller().show)
        )
    if json:
        print_json([result.as_json() for result in results])
    else:
        for result in results:
            console.print(
                f"{'passed' if result.passed else 'NOT PASSED'}: {result.fault}: noticed after "
                f"{result.noticed_after_s:g} s, {result.ending} after {result.ended_after_s:g} s."
            )
    return 0 if all(result.passed for result in results) else 1


def _ignore(_entry: Entry) -> None:
    """For --json, which says nothing before the end."""
