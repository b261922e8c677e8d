"""Can anybody have a step approved by fewer people, by asking under another name, by another's word, or by none?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from prefect.states import AwaitingRetry
from pydantic import SecretStr

from deployments.commands.asking import said_by
from flows.case.question import Answer, Decision, Question
from flows.gate.proof import sign
from flows.gate.quorum import barred, explained, people_needed
from flows.gate.reply import reply
from flows.gate.requester import NOBODY, How, Requester, announce, opening, requester, sign_opening
from flows.gate.settle import refusal
from flows.journal import Asked, Journal
from flows.opening.door import open_once
from flows.run.clock import now
from tasks.environment import Environment, Kind
from tasks.model import BlastRadius, Plan, Risk, Row
from tests.conftest import Server
from tests.flows.gate.test_gate import STEP, Gate, gate
from tests.flows.journal.conftest import Roles, copied
from tests.flows.room import SLUG, Room, said

__all__ = ["gate"]

# Made for these tests, and good for nothing else.
KEYS = {name: SecretStr(pyotp.random_hex(40)) for name in ("ana", "zoe")}
# The same room, where whoever asks approves nothing.
FAIR = """
[environments.fair]
kind = "lab"
verification_hold_s = 0.2
requester_may_approve = false

[environments.fair.approvers]
ana = {{ roles = ["on-call"], key = "{ana}" }}
zoe = {{ roles = ["senior"] }}
max = {{ roles = ["dba"] }}

[environments.fair.systems.lamp]
file = "{lamp}"
"""
ASKED = opening(SLUG, "fair", "It is dark.", {})


@pytest.fixture
def fair(room: Room) -> Room:
    with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
        config.write(FAIR.format(ana=KEYS["ana"].get_secret_value(), lamp=room.lamp))
    return room


def by_ana(asked: Row = ASKED) -> str:
    return sign_opening(KEYS["ana"], "ana", asked, now())


def ana(question: Question, decision: str = "approve") -> Answer:
    at = now()
    proof = sign(KEYS["ana"], question, decision, "ana", "because", at)
    return said(question, decision, proof=proof, decided_at=at)


def zoe(question: Question) -> Answer:
    return said(question, name="zoe")


def test_it_takes_somebody_else_than_the_one_who_asked(fair: Room) -> None:
    script = fair.live(ana, zoe, environment="fair", reason="It is dark.", requester=by_ana())
    assert script.asked[1].refused == "ana asked for this incident; it takes 1 who did not."
    assert script.asked[0].quorum == "ana asked for this incident, and does not count among those who approve it."
    assert fair.entry("opened")["requester"] == {"how": "proved", "name": "ana"}
    assert fair.entries[0].actor == "ana"
    assert (fair.verdict, fair.count("switched on")) == ("fixed", 1)


@pytest.mark.parametrize("claim", ["zoe", "announced:0123456789abcdef"])
def test_it_takes_one_more_where_nobody_proved_who_asked(fair: Room, claim: str) -> None:
    """Whoever asks under another's name, or a machine's, has still to find as many others."""
    script = fair.live(ana, ana, zoe, environment="fair", reason="It is dark.", requester=claim)
    assert [(q.people, q.approved_by) for q in script.asked] == [(2, ()), (2, ("ana",)), (2, ("ana",))]
    assert script.asked[0].quorum.startswith("Nobody proved who asked for this incident, so it takes one person more")
    assert fair.count("switched on") == 1


def test_it_lets_whoever_asked_say_no(fair: Room) -> None:
    fair.live(lambda q: ana(q, "reject"), environment="fair", reason="It is dark.", requester=by_ana())
    assert fair.entry(f"{STEP}/closed")["fate"] == "rejected"


def test_it_takes_each_signed_request_once(fair: Room) -> None:
    signed = by_ana()
    for how in ("proved", "claimed"):
        fair.live(lambda q: said(q, "reject", name="max"), environment="fair", reason="It is dark.", requester=signed)
        assert fair.entry("opened")["requester"]["how"] == how


# What counts as known ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(postgres18: Server, migrated: Roles) -> Iterator[Journal]:
    """A journal alone: whether a request is proved needs no incident."""
    with copied(postgres18, migrated) as roles:
        yield roles.journal()


PLACE = Environment.model_validate(
    {
        "name": "fair",
        "kind": "production",
        "requester_may_approve": False,
        "approvers": {
            "ana": {"roles": ["on-call"], "key": KEYS["ana"]},
            "zoe": {"roles": ["senior"], "key": KEYS["zoe"]},
            "max": {"roles": ["dba"]},
        },
    }
)


def judged(desk: Journal, words: str, incident: str = "i", asked: Row = ASKED, later: timedelta | None = None) -> Any:
    found = requester(words, asked, incident, now() + (later or timedelta()), PLACE, desk)
    return found.how.value, found.name


def test_it_believes_a_signature_again_after_a_crash_and_for_no_other_incident(desk: Journal) -> None:
    words = by_ana()
    assert [judged(desk, words, name) for name in ("one", "one", "other")] == [
        ("proved", "ana"),
        ("proved", "ana"),
        ("claimed", "ana"),
    ]


@pytest.mark.parametrize(
    "changed",
    [{"runbook": "house/other"}, {"environment": "room"}, {"reason": "It is light."}, {"parameters": {"bulb": "b"}}],
)
def test_it_believes_a_signature_for_exactly_what_was_asked(desk: Journal, changed: Row) -> None:
    assert judged(desk, by_ana(), asked={**ASKED, **changed})[0] == "claimed"


def test_it_believes_no_other_words(desk: Journal) -> None:
    genuine = by_ana()
    at = genuine.split(" ")[1]
    for words in (
        genuine.replace("ana ", "zoe ", 1),
        genuine.replace("ana ", "max ", 1),
        sign_opening(KEYS["zoe"], "ana", ASKED, now()),
        genuine[:-1] + ("0" if genuine[-1] != "0" else "1"),
        "ana",
        "ana signed:",
        "ana signed::",
        f"ana {at.rpartition(':')[0]}:",
        "ana signed:2026-11-21T02:00:00:ab",
        "announced:",
        "announced:" + "0" * 32,
        "announced:../codes/ana",
        "nobody",
        "watch",
        "x" * 100_000,
    ):
        assert judged(desk, words)[0] == "claimed", words[:80]
    for later in (timedelta(minutes=3), timedelta(minutes=-3)):
        assert judged(desk, genuine, later=later)[0] == "claimed"
    assert judged(desk, genuine) == ("proved", "ana")


def test_it_signs_at_the_command_line_what_is_about_to_be_opened(
    desk: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INCIDENT_APPROVER_KEY", raising=False)
    assert judged(desk, said_by("ana", ASKED)) == ("claimed", "ana")
    monkeypatch.setenv("INCIDENT_APPROVER_KEY", KEYS["ana"].get_secret_value())
    assert judged(desk, said_by("ana", ASKED)) == ("proved", "ana")
    assert said_by("", ASKED) == ""


def test_it_believes_a_machine_that_announced_exactly_this_once(desk: Journal) -> None:
    words = announce(desk, "watch", ASKED)
    assert judged(desk, words, asked={**ASKED, "environment": "room"})[0] == "claimed"
    assert judged(desk, words, "one") == ("nobody", "watch")
    assert judged(desk, words, "one") == ("nobody", "watch")
    assert judged(desk, words, "other")[0] == "claimed"


def test_it_takes_a_used_signature_for_no_announcement(desk: Journal) -> None:
    """What proves a person's request is kept beside the machines' announcements."""
    words = by_ana()
    judged(desk, words, "one")
    used = words.rpartition(":")[2][:32]
    assert judged(desk, f"announced:{used}", "two")[0] == "claimed"


# How many it takes ---------------------------------------------------------------------------------------------------

ANA, SOMEBODY = Requester(how=How.PROVED, name="ana"), Requester(how=How.CLAIMED, name="ana")
PLAN = Plan(
    does="x", commands=(), blast_radius=BlastRadius(touched=1, total=9, noun="things"), risk=Risk.MODERATE, loses=""
)
WIDE = replace(PLAN, people=2)


@pytest.mark.parametrize(
    ("kind", "settings", "plan", "asked", "people", "out"),
    [
        # Where one is enough, whoever asked is enough, unless the environment is stricter.
        (Kind.PRODUCTION, {}, PLAN, ANA, 1, False),
        (Kind.PRODUCTION, {}, PLAN, SOMEBODY, 1, False),
        (Kind.PRODUCTION, {"requester_may_approve": False}, PLAN, ANA, 1, True),
        (Kind.PRODUCTION, {"requester_may_approve": False}, PLAN, SOMEBODY, 2, False),
        (Kind.PRODUCTION, {"requester_may_approve": False}, PLAN, NOBODY, 1, False),
        (Kind.PRODUCTION, {}, WIDE, ANA, 2, False),
        (Kind.PRODUCTION, {}, WIDE, SOMEBODY, 2, False),
        (Kind.PRODUCTION, {"requester_may_approve": False}, WIDE, ANA, 2, True),
        (Kind.PRODUCTION, {"requester_may_approve": False}, WIDE, SOMEBODY, 3, False),
        # The environment asks for no fewer than the action does.
        (Kind.PRODUCTION, {"requester_may_approve": True, "people": {"moderate": 1}}, WIDE, ANA, 2, False),
        (Kind.STAGING, {}, WIDE, SOMEBODY, 1, False),
        (Kind.LAB, {"people": {"moderate": 2}}, PLAN, SOMEBODY, 2, False),
        (Kind.LAB, {"requester_may_approve": False}, PLAN, SOMEBODY, 2, False),
    ],
)
def test_it_takes_as_many_who_did_not_ask(
    kind: Kind, settings: dict[str, Any], plan: Plan, asked: Requester, people: int, out: bool
) -> None:
    place = Environment.model_validate({"name": "x", "kind": kind, **settings})
    assert people_needed(plan, place, asked) == people
    assert barred("ana", place, asked) is out
    assert not barred("zoe", place, asked)


def test_it_says_when_there_are_not_as_many() -> None:
    assert explained(WIDE, PLACE.model_copy(update={"requester_may_approve": True}), ANA) == ""
    assert explained(WIDE, PLACE, NOBODY) == ""
    # max has neither code nor key, and ana asked.
    assert explained(WIDE, PLACE, ANA) == (
        "ana asked for this incident, and does not count among those who approve it. Only 1 on the roster of fair "
        "could approve it (zoe): as it stands, nothing will be done. Add people under [environments.fair.approvers]."
    )


def test_it_takes_a_role_that_the_environment_demands_and_none_that_is_too_low() -> None:
    roles = {"ana": ["on-call"], "zoe": ["senior"], "max": ["dba"]}
    place = Environment.model_validate(
        {
            "name": "x",
            "kind": "lab",
            "approvers": {name: {"roles": held} for name, held in roles.items()},
            "approve_roles": {"low": ["dba"], "high": ["on-call", "dba"]},
        }
    )

    def may(name: str, risk: Risk) -> bool:
        question = Question(
            incident="i",
            environment="x",
            key="k",
            title="t",
            reason="r",
            plan=replace(PLAN, risk=risk),
            digest="d",
            expires_at=now(),
        )
        return refusal(said(question, name=name), question, place) == ""

    assert {(name, risk.name) for name in roles for risk in Risk if may(name, risk)} == {
        ("max", "LOW"),
        ("ana", "MODERATE"),
        ("zoe", "MODERATE"),
        ("max", "MODERATE"),
        ("max", "HIGH"),
    }
    assert "(max)" in explained(
        replace(PLAN, risk=Risk.HIGH, people=2), place.model_copy(update={"people": {"high": 2}}), NOBODY
    )


# Through Prefect -----------------------------------------------------------------------------------------------------


def test_it_knows_what_a_watch_opened(fair: Room, gate: Gate) -> None:
    watched(gate)
    question = ended(gate)
    assert fair.entry("opened")["requester"] == {"how": "nobody", "name": "watch"}
    assert (question.people, question.quorum) == (1, "")


@pytest.mark.parametrize("change", [{"reason": "It is light."}, {"requester": "ana"}])
def test_it_believes_no_request_that_was_edited_before_it_began(fair: Room, gate: Gate, change: dict[str, str]) -> None:
    watched(gate)
    edit(gate, change)
    assert ended(gate).people == 2
    assert fair.entry("opened")["requester"]["how"] == "claimed"


def test_it_goes_by_what_it_was_opened_with_whatever_is_edited_afterwards(fair: Room, gate: Gate) -> None:
    gate.open("fair")
    edit(gate, {"requester": announce(fair.journal, "watch", opening(SLUG, "fair", "", {}))})
    gate.force(AwaitingRetry())
    assert ended(gate).people == 2
    assert fair.entry("opened")["requester"]["how"] == "claimed"


def watched(gate: Gate) -> None:
    gate.room.incident = open_once(
        gate.room.journal, Asked(runbook=SLUG, environment="fair", actor="watch", reason="BAD: The lamp is off.")
    )
    # As the published deployment would have it.
    edit(gate, {"runbook": SLUG})


def edit(gate: Gate, change: dict[str, str]) -> None:
    parameters = gate.client.read_flow_run(gate.id).parameters
    gate.client._client.patch(f"/flow_runs/{gate.id}", json={"parameters": {**parameters, **change}}).raise_for_status()


def ended(gate: Gate) -> Question:
    """What was asked; then it is closed, or the next watch would only note that it saw it again."""
    question = gate.asked()
    reply(question, Decision.REJECT, "max", "no")
    gate.execute()
    assert gate.room.verdict == "unchanged"
    return question
