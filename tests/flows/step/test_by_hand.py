"""What only a person can mend: does it wait for them, at no cost, until it is mended or gone, and never twice?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import AwaitingRetry

from flows.case.question import Answer, Decision, Question
from flows.gate.reply import reply
from flows.people.escalate import due
from flows.run.clock import now
from flows.run.trigger import trigger
from flows.told.report import report
from flows.watch import watch
from tasks.environment import Environment
from tests.deployments.processes import wait_until
from tests.flows.gate.test_gate import Gate
from tests.flows.room import Room, said

HOT = "house/hot-shade"
KEY = "step/mend-it-by-hand"
EVERY_S = 900
OVEN = """
[environments.oven]
kind = "staging"
approvers = {{ ana = {{ roles = ["on-call"] }} }}

[environments.oven.systems.lamp]
file = "{lamp}"
"""


@pytest.fixture
def hot(room: Room) -> Iterator[Gate]:
    room.set(lit=True, heat=120)
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("incident")
        client.create_deployment(flow_id=flow, name=HOT.replace("/", "."), parameters={"runbook": HOT})
        yield Gate(room, client)


def opened(hot: Gate, environment: str) -> set[str]:
    wanted = {"runbook": HOT, "environment": environment}.items()
    return {str(run.id) for run in hot.client.read_flow_runs(limit=200) if wanted <= run.parameters.items()}


def expire(hot: Gate, question: Question) -> None:
    """As the recoverer does."""
    wait_until(lambda: now() > question.expires_at, "nobody answered in time", 30)
    hot.force(AwaitingRetry())


def test_it_waits_suspended_for_a_sign_off_and_its_watch_opens_no_other(hot: Gate) -> None:
    with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
        config.write(OVEN.format(lamp=hot.room.lamp))
    watch("oven", EVERY_S)
    [hot.room.incident] = opened(hot, "oven")
    question = hot.asked()
    assert (question.title, question.reason) == (
        "Mend it by hand",
        "The lamp has 120 °C (bad from 90 °C).",
    )
    assert "Let it cool: Open a window, and take the shade off." in question.plan.does
    [summary] = [s for s in hot.room.journal.incidents(open_only=True) if s.incident == hot.room.incident]
    [message, *_] = due(summary, hot.room.entries, Environment.model_validate({"name": "oven", "kind": "staging"}))
    assert "Open a window" in message.text
    assert "Touches" not in message.text
    assert message.text.endswith(
        f"When it is done, say so: incident approve {question.incident[:8]}, or Resume in the Prefect UI."
    )
    for _ in range(2):
        watch("oven", EVERY_S)
    assert opened(hot, "oven") == {hot.room.incident}
    assert hot.room.kinds().count("seen again") == 2

    hot.room.set(heat=20)
    reply(question, Decision.APPROVE, "ana", "I opened a window.")
    hot.execute()
    assert hot.room.verdict == "fixed"
    assert hot.room.entry("closed")["says"] == "Fixed. Mend it by hand: applied."
    assert "Done by hand, says ana. I opened a window." in report(hot.room.entries)


def test_it_stays_open_while_the_fault_does_and_closes_by_itself_when_it_is_gone(hot: Gate) -> None:
    hot.room.incident = str(trigger(HOT, {"runbook": HOT, "environment": "hasty"}))
    first = hot.asked()
    hot.room.set(heat=130)
    expire(hot, first)
    second = hot.asked()
    assert second.key != first.key
    assert second.reason == "The lamp has 130 °C (bad from 90 °C)."
    hot.room.set(heat=20)
    expire(hot, second)
    hot.execute()
    assert hot.room.verdict == "recovered by itself"
    assert hot.room.kinds().count("asked") == 2
    [summary] = [s for s in hot.room.journal.incidents(limit=1000) if s.incident == hot.room.incident]
    messages = list(due(summary, hot.room.entries, Environment.model_validate({"name": "hasty", "kind": "lab"})))
    # Whoever was told that it waits is not told each hour that nobody answered.
    assert [message.key for message in messages] == ["closed"]


def test_it_is_asked_again_where_its_process_was_started_anew(hot: Gate) -> None:
    hot.room.incident = str(trigger(HOT, {"runbook": HOT, "environment": "room"}))
    hot.asked()
    hot.force(AwaitingRetry())
    again = hot.asked()
    assert again.refused == "The run was started again without an answer."
    hot.room.set(heat=20)
    reply(again, Decision.APPROVE, "ana", "")
    hot.execute()
    assert hot.room.verdict == "fixed"


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        # Approved, and the fault is there: nobody's word counts for more than the check's.
        ("approve", "Unchanged. Mend it by hand: applied."),
        ("skip", "Unchanged. Mend it by hand: skipped."),
    ],
)
def test_it_closes_unchanged_when_a_person_says_so_and_the_fault_is_there(room: Room, decision: str, says: str) -> None:
    room.set(heat=120)
    room.live(lambda q: said(q, decision), slug=HOT)
    assert room.entry("closed")["says"] == says


def test_it_says_why_no_step_of_ours_helps(room: Room) -> None:
    """Otherwise it would close within a second, and be opened again at the next look of its watch."""
    room.set(bulbs=["ghp_0123456789abcdefghij0123456789abcdef"])

    def lights_it(question: Question) -> Answer:
        room.set(lit=True)
        return said(question)

    script = room.live(lights_it)
    [question] = script.asked
    assert question.title == "Mend it by hand"
    assert "Switch the lamp on: failed. What it would touch looks like a secret" in question.plan.does
    assert "Keep a candle: Buy candles" in question.plan.does
    assert room.verdict == "fixed"


def test_a_letter_is_filled_in_from_the_record(room: Room) -> None:
    """What was seen, since when, and what was done since; nothing of what is well."""
    label = "\n```\n# <b>no lamp</b> \x1b[2J " + "x" * 400
    room.set(label=label)
    room.live(said)
    how = room.entry("step/keep-a-candle/manual")["how"]
    words, _, letter = how.partition("\n\nFrom the record of this incident, to copy; nothing is sent by us:\n\n")
    assert words == "Buy candles, and put them where you find them in the dark."
    first, *lines = letter.splitlines()
    opened = room.entries[0].at[:16].replace("T", " ")
    assert first == f"    since: {opened} UTC, when this incident was opened"
    assert lines[0].startswith("    check_lamp_is_lit: The lamp is off. ``` # <b>no lamp</b> [2J xxx")
    assert lines[1].startswith("      label: ``` # <b>")
    assert lines[2].startswith("      - label: ``` # <b>")
    assert lines[3].startswith("    done since: Switch the lamp on. ")
    assert len(lines) == 4
    assert max(map(len, lines)) < 700
    # Four blanks in front: shown as it stands, and no fence begins.
    assert all(line.startswith("    ") for line in lines)
    assert "<b>no lamp</b>" in report(room.entries)


def test_a_letter_of_an_incident_that_is_mended_by_hand_quotes_what_was_found(room: Room) -> None:
    room.set(bulbs=["ghp_0123456789abcdefghij0123456789abcdef"])

    def lights_it(question: Question) -> Answer:
        room.set(lit=True)
        return said(question)

    [question] = room.live(lights_it).asked
    assert "    check_lamp_is_lit: The lamp is off." in question.plan.does
    assert "done since" not in question.plan.does
