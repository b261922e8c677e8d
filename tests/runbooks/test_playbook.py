from __future__ import annotations

import dataclasses
from datetime import time, timedelta
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from runbooks.model import Drill, InvalidRunbook, Manual, Step, Verify
from runbooks.parameter import Name, Parameter, WrongParameters, filled_in
from runbooks.playbook import Maintenance, Playbook
from runbooks.window import Day, Window
from tasks.check import check
from tasks.model import Finding, Risk, Verdict
from tests.runbooks.test_model import ShutDoor, WedgeDoor, check_door, check_window

TENANT = Parameter(name="tenant", type=Name, says="Its short name, as in its address.")
NIGHT = Window(start=time(3), length=timedelta(hours=2), days=(Day.SUNDAY,))


class MoveTenant(ShutDoor):
    """Move the tenant."""

    def plan(self, tenant: str) -> Any: ...  # type: ignore[override]  # an action's verbs take what they need


class MoveSomebody(ShutDoor):
    """Move somebody."""

    def apply(self, plan: Any, whom: str) -> Any: ...  # type: ignore[override]  # as above


@check
def check_tenant_is_there(tenant: str = "") -> Finding:
    """Is the tenant there?"""
    return Finding(verdict=Verdict.OK, says=f"{tenant} is there.")


def playbook(**changes: Any) -> Playbook:
    """A sound playbook, but for the changes."""
    sound: dict[str, Any] = {
        "title": "Move a tenant",
        "purpose": "A tenant outgrew its house.",
        "keywords": ("tenant",),
        "parameters": (TENANT,),
        "prerequisites": (check_door, check_tenant_is_there),
        "steps": (Manual("Tell the tenant", how="By letter."), Step(MoveTenant()), Step(ShutDoor())),
        "success": (check_tenant_is_there, check_window),
        "verification": Verify(hold=timedelta(seconds=1), within=timedelta(minutes=1)),
    }
    return Playbook(**{**sound, **changes})


def maintenance(**changes: Any) -> Maintenance:
    """A sound maintenance, but for the changes."""
    sound: dict[str, Any] = {
        "title": "Air the house",
        "purpose": "Stale air makes people tired.",
        "keywords": ("air",),
        "window": NIGHT,
        "prerequisites": (check_window,),
        "diagnosis": (check_door,),
        "steps": (Step(ShutDoor(), when=check_door), Step(MoveSomebodyElse())),
        "verification": Verify(hold=timedelta(seconds=1), within=timedelta(minutes=1)),
        "drills": (Drill(fault=WedgeDoor(), noticed_by=check_door, resolved_by=ShutDoor),),
    }
    return Maintenance(**{**sound, **changes})


class MoveSomebodyElse(ShutDoor):
    """Move somebody else."""


def test_it_takes_a_sound_playbook() -> None:
    declared = playbook()
    assert [asked.name for asked in declared.first_asked] == ["check_door", "check_tenant_is_there"]
    assert [asked.name for asked in declared.checks] == ["check_door", "check_tenant_is_there", "check_window"]
    assert [step.title for step in declared.action_steps] == ["Move the tenant", "Shut the door"]


def test_it_takes_a_sound_maintenance() -> None:
    declared = maintenance()
    assert declared.unattended is Risk.LOW
    assert [asked.name for asked in declared.checks] == ["check_window", "check_door"]


@pytest.mark.parametrize("part", ["purpose", "keywords", "prerequisites", "steps", "success"])
def test_it_refuses_a_playbook_without(part: str) -> None:
    with pytest.raises(InvalidRunbook) as refused:
        playbook(**{part: "" if part == "purpose" else ()})
    assert str(refused.value) == f"Move a tenant: `{part}` is empty. A person at 2 am needs it."


@pytest.mark.parametrize("part", ["purpose", "keywords", "diagnosis", "steps"])
def test_it_refuses_a_maintenance_without(part: str) -> None:
    with pytest.raises(InvalidRunbook, match=f"Air the house: `{part}` is empty."):
        maintenance(**{part: "" if part == "purpose" else ()})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"steps": (Step(MoveTenant(), when=check_door),)},
            "step 'Move the tenant' waits for check_door, but a playbook's steps are taken in their order. "
            "Remove `when`; ask it as a prerequisite if the work depends on it.",
        ),
        (
            {"drills": (Drill(fault=WedgeDoor(), noticed_by=check_door, resolved_by=ShutDoor),)},
            "a playbook has no fault to rehearse. Remove `drills`, or make it a Runbook.",
        ),
        (
            {"steps": (Step(MoveTenant()), Step(MoveSomebody()))},
            "step 'Move somebody': nobody fills 'whom' of MoveSomebody.apply. Declare it in `parameters`, or give it "
            "a default.",
        ),
        ({"parameters": (TENANT, TENANT)}, "parameter 'tenant' is declared twice. Remove one."),
        (
            {"parameters": (TENANT, dataclasses.replace(TENANT, name="whom"))},
            "parameter 'whom' is taken by no step and no check. Remove it, or take it there.",
        ),
        (
            {"parameters": (TENANT, dataclasses.replace(TENANT, name="open_for"))},
            "parameter 'open_for' would take the place of a system or a limit of check_door. Call it something else.",
        ),
        (
            {"parameters": (dataclasses.replace(TENANT, type=str),)},
            "parameter 'tenant' would take any text at all. Give its type a pattern, or a list of choices.",
        ),
        (
            {"parameters": (dataclasses.replace(TENANT, type=list[int]),)},
            "parameter 'tenant' is no text, number or yes-or-no. Take one value for one parameter.",
        ),
        (
            {"parameters": (dataclasses.replace(TENANT, default="--all"),)},
            "parameter 'tenant' has a default that it would refuse: '--all'.",
        ),
        ({"success": (check_window, check_window)}, "`success` asks check_window twice. Remove one."),
    ],
)
def test_it_refuses_a_playbook_that_contradicts_itself(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRunbook) as refused:
        playbook(**changes)
    assert str(refused.value) == f"Move a tenant: {said}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"unattended": Risk.HIGH},
            "`unattended` is HIGH: what can hurt that much is never done without a person. Write LOW or MODERATE.",
        ),
        (
            {"parameters": (TENANT,)},
            "a maintenance takes no `parameters`: nobody is there to fill them in. Make it a Playbook.",
        ),
        (
            {"steps": (Step(ShutDoor(), when=check_window),)},
            "step 'Shut the door' waits for check_window, which the diagnosis never asks. Add it to `diagnosis`.",
        ),
        (
            {"window": dataclasses.replace(NIGHT, length=timedelta(hours=24))},
            "the window lasts 1 day, 0:00:00. Give it more than nothing and less than a day.",
        ),
        ({"window": dataclasses.replace(NIGHT, days=())}, "the window needs `days`, each once: (Day.SUNDAY,)."),
        (
            {"window": dataclasses.replace(NIGHT, weeks=(5,))},
            "the window's `weeks` are of 1 to 4, each once: not every month has a fifth Sunday.",
        ),
        (
            {"window": dataclasses.replace(NIGHT, start=time(3, 0, 1))},
            "the window's `start` is a plain time to the minute: time(3, 30). The environment knows the zone.",
        ),
    ],
)
def test_it_refuses_a_maintenance_that_contradicts_itself(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRunbook) as refused:
        maintenance(**changes)
    assert str(refused.value) == f"Air the house: {said}"


DAYS = Parameter(name="days", type=Annotated[int, Field(ge=1, le=90)], says="How far back.", default=7)
WAY = Parameter(name="way", type=Literal["in", "out"], says="Which way.")


@pytest.mark.parametrize("tenant", ["acme", "Acme_2.eu-west", "7"])
def test_it_takes_what_fits(tenant: str) -> None:
    assert filled_in((TENANT, DAYS, WAY), {"tenant": tenant, "way": "in"}) == {"tenant": tenant, "days": 7, "way": "in"}
    assert filled_in((DAYS,), {"days": "30"}) == filled_in((DAYS,), {"days": 30}) == {"days": 30}


@pytest.mark.parametrize(
    "given",
    ["--all", "-", ".", "", "a b", "a\n", "a;b", "../etc", "a" * 64, "$(id)", "é", 7, None, ["acme"], {"a": 1}],
)
def test_it_refuses_what_could_be_taken_for_something_else(given: object) -> None:
    with pytest.raises(WrongParameters, match=r"^tenant: .* will not do: .* Its short name, as in its address.$"):
        filled_in((TENANT,), {"tenant": given})


@pytest.mark.parametrize("given", [0, 91, "0", "7.5", 7.5, True, "seven", None])
def test_it_refuses_a_number_beyond_its_bounds(given: object) -> None:
    with pytest.raises(WrongParameters):
        filled_in((DAYS,), {"days": given})


def test_it_names_everything_that_is_wrong() -> None:
    with pytest.raises(WrongParameters) as refused:
        filled_in((TENANT, WAY), {"tenent": "acme", "way": "up"})
    assert str(refused.value).splitlines() == [
        "'tenent' is no parameter here. Did you mean 'tenant'?",
        "tenant is missing: Its short name, as in its address.",
        "way: 'up' will not do: Input should be 'in' or 'out'. Which way.",
    ]


def test_it_describes_itself_to_a_form() -> None:
    assert DAYS.schema == {
        "title": "Days",
        "description": "How far back.",
        "type": "integer",
        "minimum": 1,
        "maximum": 90,
        "default": 7,
    }
    assert WAY.schema["enum"] == ["in", "out"]
