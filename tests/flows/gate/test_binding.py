"""Is an approval bound to all that was shown: the runbook's version, the reason, the plan and its evidence?"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyotp
import pytest
from pydantic import SecretStr

from flows.case.bodies import plan_body, plan_digest
from flows.case.question import Answer, Question
from flows.gate.proof import sign
from flows.gate.settle import refusal
from flows.run.clock import now
from runbooks.catalog import Catalog
from tasks.environment import Environment
from tasks.model import BlastRadius, Command, Plan, Risk
from tasks.registry import Team
from tests.flows.room import TEAM, Room, said

PLAN = Plan(
    does="End one session.",
    commands=(Command(line="SELECT 1", target={"pid": 1}),),
    blast_radius=BlastRadius(touched=1, total=41, noun="sessions"),
    risk=Risk.LOW,
    loses="Its transaction.",
    evidence=[{"user": "web", "waits_s": 41}],
)
SHOWN: dict[str, Any] = {"version": "1", "title": "End it", "reason": "41 s", "body": plan_body(PLAN)}
CHANGED: list[dict[str, Any]] = [
    {"version": "2"},
    {"title": "End all"},
    {"reason": "42 s"},
    *[
        {"body": plan_body(replace(PLAN, **changed))}
        for changed in (
            {"does": "End every session."},
            {"commands": (Command(line="SELECT 1", target={"pid": 2}),)},
            {"blast_radius": BlastRadius(touched=2, total=41, noun="sessions")},
            {"risk": Risk.MODERATE},
            {"loses": "Nothing."},
            {"evidence": [{"user": "payroll", "waits_s": 41}]},
            {"people": 2},
        )
    ],
]


@pytest.mark.parametrize("changed", CHANGED, ids=lambda changed: next(iter(changed)))
def test_it_refuses_an_answer_to_anything_else_than_was_shown(changed: dict[str, Any]) -> None:
    place = Environment.model_validate({"name": "x", "kind": "lab", "approvers": {"ana": {"roles": ["senior"]}}})
    question = Question(
        incident="i",
        environment="x",
        key="k",
        title="End it",
        reason="41 s",
        plan=PLAN,
        digest=plan_digest(**{**SHOWN, **changed}),
        expires_at=now(),
    )
    assert refusal(said(question, digest=plan_digest(**SHOWN)), question, place).startswith("The answer was given for")
    assert refusal(said(question), question, place) == ""


def test_it_asks_again_under_another_digest_when_the_reason_has_changed(room: Room) -> None:
    """The finding that calls for the step is evidence, too: two rooms, dark for different reasons."""
    digests = []
    for label in ("", " The fuse is out."):
        room.set(lit=False, label=label)
        [question] = room.live(lambda q: said(q, "reject")).asked
        assert question.reason == f"The lamp is off.{label}"
        digests.append(question.digest)
    assert digests[0] != digests[1]


def released(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker started after a release computes for the same plan."""
    monkeypatch.setattr(
        "flows.gate.settle.plan_digest", lambda version, *shown: plan_digest(f"newer than {version}", *shown)
    )


def test_it_asks_everybody_again_when_a_release_came_between_two_approvals(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_a_release(question: Question) -> Answer:
        released(monkeypatch)
        return said(question, name="zoe")

    script = room.live(said, after_a_release, said, lambda q: said(q, name="zoe"), environment="careful")
    assert [q.approved_by for q in script.asked] == [(), ("ana",), (), ("ana",)]
    assert script.asked[2].refused.startswith("The runbook itself was changed since this was asked.")
    assert len({q.digest for q in script.asked[2:]}) == 1
    assert room.count("switched on") == 1


# In production, with a lamp of which few bulbs may be switched on by one person.
PRODUCTION = """
[environments.site]
kind = "production"

[environments.site.approvers]
ana = {{ roles = ["on-call"], key = "{key}" }}

[environments.site.systems.lamp]
file = "{lamp}"
"""


def test_it_takes_more_people_when_the_same_has_become_a_larger_share(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is added, but what was one bulb of nine is all there are: one person's approval is void."""
    Catalog.load(Team(runbooks=TEAM / "runbooks", systems=TEAM / "systems"))
    monkeypatch.setattr("lamp.actions.SwitchOn.two_people_above", 0.2)
    key = SecretStr(pyotp.random_hex(40))
    with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
        config.write(PRODUCTION.format(key=key.get_secret_value(), lamp=room.lamp))

    def signed(question: Question, decision: str = "approve") -> Answer:
        room.set(**{"bulbs in all": 1})
        at = now()
        proof = sign(key, question, decision, "ana", "because", at)
        return said(question, decision, proof=proof, decided_at=at)

    room.set(**{"bulbs in all": 9})
    script = room.live(signed, lambda q: signed(q, "reject"), environment="site")
    assert [question.people for question in script.asked] == [1, 2]
    assert script.asked[1].refused == (
        "The approval is void, because it touches 1 of 1 bulbs now, and that takes more people."
    )
    assert script.asked[1].quorum.endswith("Add people under [environments.site.approvers].")
    assert room.count("tried") == 0
