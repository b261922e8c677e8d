"""incident check, pages: a team's own folder and environments, without touching a system."""

from __future__ import annotations

import os
from collections.abc import Iterator

from deployments.commands.context import Here, here
from deployments.commands.terminal import complain, console, errors, print_json, say, show_verdict
from flows.case.bodies import finding_body
from runbooks.page import foreign, has_pages, stale, write
from tasks.model import Finding, Verdict
from tasks.system import Unusable
from tasks.toml import InvalidConfig

# In the place of a variable that is not set: an address, for most settings with a secret are one.
ELSEWHERE = "postgresql://unset:unset@{}.invalid/unset"


def check(*, json: bool = False) -> int:
    """Are the team's folder and environments.toml in order? Touches no system and needs no secret, so CI can ask.

    Exit code 0 only if nothing is wrong. `incident doctor` looks at the systems themselves.

    Parameters
    ----------
    json
        Print the findings as JSON.
    """
    at = here()
    found = {"team": list(_team(at)), **{name: list(_environment(at, name)) for name in at.config.names}}
    if json:
        print_json({place: [finding_body(finding) for finding in findings] for place, findings in found.items()})
    else:
        for place, findings in found.items():
            console.print(f"\n{place}", style="bold")
            for finding in findings:
                show_verdict(finding.verdict, finding.says, finding.remedy)
    return 0 if all(one.verdict is Verdict.OK for findings in found.values() for one in findings) else 1


def _team(at: Here) -> Iterator[Finding]:
    catalog, folder = at.catalog, at.config.team.runbooks
    for complaint in catalog.complaints:
        yield Finding(verdict=Verdict.BAD, says=f"Cannot be used, the others can: {complaint}")
    if folder is not None and has_pages(folder):
        for says in stale(catalog, folder, "incident pages"):
            yield Finding(verdict=Verdict.BAD, says=says, remedy="incident pages")
    if not catalog.complaints:
        theirs = sum(folder is not None and entry.source.is_relative_to(folder) for entry in catalog)
        yield Finding(verdict=Verdict.OK, says=f"{theirs} of {len(catalog)} runbooks are the team's; all can be used.")


def _environment(at: Here, name: str) -> Iterator[Finding]:
    """What is wrong whatever its secrets are."""
    unset = at.config.unset(name)
    for variable in unset.values():
        # Each its own, for two stores must not be one.
        os.environ.setdefault(variable, ELSEWHERE.format(variable.lower().replace("_", "-")))
    wrong: list[str] = []
    try:
        place = at.environment(name)
        wrong = [system.says for system in place.systems.values() if isinstance(system, Unusable)]
    except InvalidConfig as error:
        wrong = [line for line in str(error).splitlines() if not any(f": {key}: " in line for key in unset)]
    for says in wrong:
        yield Finding(verdict=Verdict.BAD, says=says)
    if not wrong:
        unread = f" Not read, because not set here: {', '.join(sorted(set(unset.values())))}." if unset else ""
        yield Finding(verdict=Verdict.OK, says=f"{name} is in order.{unread}")


def pages() -> int:
    """Write the pages of the team's runbooks beside them, and their index. A page that a person wrote stays."""
    at = here()
    folder = at.config.team.runbooks
    if folder is None:
        errors.print('environments.toml names no folder of yours. Add: [team] runbooks = "ops/runbooks"')
        return 2
    complain(at.catalog.complaints)
    if written := foreign(at.catalog, folder):
        errors.print(f"Nothing was written, because a person wrote {', '.join(map(str, written))}. Move it, try again.")
        return 1
    changed = write(at.catalog, folder)
    for file in changed:
        say(f"wrote {file}")
    if not changed:
        say("Every page is as its runbook.")
    return 1 if at.catalog.complaints else 0
