"""How many different people a plan takes, and who among them counts. The environment may be stricter, never looser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flows.gate.proof import counts
from flows.gate.requester import NOBODY, Requester
from tasks.environment import Environment, Kind
from tasks.model import Plan, Risk
from tasks.roster import Role

# Who may decide, by what the plan can hurt. The highest risk is for people who answer for the database.
MAY_DECIDE: dict[Risk, frozenset[Role]] = {
    Risk.LOW: frozenset(Role),
    Risk.MODERATE: frozenset(Role),
    Risk.HIGH: frozenset({Role.SENIOR, Role.DBA, Role.MANAGER}),
}


def may_decide(risk: Risk, environment: Environment) -> frozenset[Role]:
    """The roles that may approve a plan of this risk there: ours, and of them those that the environment names."""
    named: Any = environment.approve_roles.get(risk.name.lower())  # type: ignore[call-overload]
    return MAY_DECIDE[risk] & named if named else MAY_DECIDE[risk]


def people_needed(plan: Plan, environment: Environment, requester: Requester = NOBODY) -> int:
    """How many different people it takes to approve `plan` there.

    In production what the action declares, by risk and measured blast radius; in a lab one. An environment may ask for
    more, never for less. One more where whoever asked does not count, and nobody proved who that is: among n + 1
    different people at least n did not ask.
    """
    return _people(plan, environment) + (not environment.requester_may_approve and not requester.known)


def barred(name: str, environment: Environment, requester: Requester) -> bool:
    """Is this who asked, where whoever asked does not count? A claimed name bars nobody: it may be anybody's."""
    return requester.proved and requester.name == name and not environment.requester_may_approve


def explained(plan: Plan, environment: Environment, requester: Requester) -> str:
    """Why it takes so many, and whether there are as many, where a number alone would leave people wondering."""
    people = people_needed(plan, environment, requester)
    able = [name for name in environment.approvers if _could(name, plan, environment, requester)]
    said = []
    if not environment.requester_may_approve and not requester.known:
        said.append(
            "Nobody proved who asked for this incident, so it takes one person more than otherwise: of "
            f"{people} at least {people - 1} did not ask. With a key of your own, incident run --as NAME proves it."
        )
    if not environment.requester_may_approve and requester.proved:
        said.append(f"{requester.name} asked for this incident, and does not count among those who approve it.")
    if len(able) < people:
        said.append(
            f"Only {len(able)} on the roster of {environment.name} could approve it ({listed(able)}): as it stands, "
            f"nothing will be done. Add people under [environments.{environment.name}.approvers]."
        )
    return " ".join(said)


def _people(plan: Plan, environment: Environment) -> int:
    floor = plan.people if environment.kind is Kind.PRODUCTION else 1
    risk: Any = plan.risk.name.lower()
    return max(floor, environment.people.get(risk, 1))


def _could(name: str, plan: Plan, environment: Environment, requester: Requester) -> bool:
    person = environment.approvers[name]
    entitled = bool(person.roles & may_decide(plan.risk, environment)) and counts(person, environment.kind)
    return entitled and not barred(name, environment, requester)


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"
