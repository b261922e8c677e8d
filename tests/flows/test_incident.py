"""One incident from trigger to proof, and every way it can go. The dangerous ways come first."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import pytest
from pydantic import SecretStr

from flows.case.bodies import plan_digest
from flows.case.question import Answer, Question
from flows.journal import broken
from flows.run import settings
from flows.run.clock import now
from flows.told.report import report
from tests.flows.room import TEAM, Room, said


def rejected(question: Question) -> Answer:
    return said(question, "reject", note="I do it myself")


def skipped(question: Question) -> Answer:
    return said(question, "skip")


def test_it_does_nothing_when_rejected(room: Room) -> None:
    room.set(heat=95)
    room.live(rejected)
    assert room.count("tried") == 0
    assert room.entry("step/switch-the-lamp-on/closed")["fate"] == "rejected"
    assert room.verdict == "unchanged"
    # A reject stops the runbook: the second step, which is called for too, is never proposed.
    assert not [e for e in room.entries if e.key.startswith("step/replace-the-wiring/ask")]


def test_it_leaves_out_a_skipped_step_and_goes_on(room: Room) -> None:
    room.set(heat=95)
    script = room.live(skipped, lambda q: said(q, "skip", name="zoe"))
    assert [q.title for q in script.asked] == ["Switch the lamp on", "Replace the wiring"]
    assert room.count("tried") == 0
    assert room.verdict == "unchanged"


def test_it_does_nothing_when_nobody_answers_in_time(room: Room) -> None:
    room.live(lambda q: said(q, decided_at=q.expires_at + timedelta(seconds=1)))
    assert room.count("tried") == 0
    assert room.entry("step/switch-the-lamp-on/closed")["fate"] == "expired"
    assert "expired" in room.kinds()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "mallory"}, "'mallory' is not on the roster of room. On it: ana, zoe."),
        ({"name": ""}, "'' is not on the roster of room."),
        ({"decision": "yes"}, "'yes' is no decision. Answer approve, skip or reject."),
        ({"digest": "0" * 64}, "The answer was given for another plan than the one shown here."),
        ({"digest": ""}, "The answer was given for another plan than the one shown here."),
    ],
)
def test_it_refuses_an_answer_that_does_not_count_and_asks_again(
    room: Room, changes: dict[str, str], sentence: str
) -> None:
    def wrong(question: Question) -> Answer:
        return said(question, **changes)

    script = room.live(wrong, rejected)
    assert script.asked[1].refused.startswith(sentence)
    assert room.count("tried") == 0
    refused = room.entry("step/switch-the-lamp-on/ask/1/answered")
    assert refused["accepted"] is False
    assert refused["refusal"].startswith(sentence)


def test_it_takes_a_senior_to_approve_a_high_risk(room: Room) -> None:
    room.set(heat=95)
    script = room.live(skipped, said, lambda q: said(q, name="zoe"))
    assert script.asked[2].refused == (
        "ana (on-call) may not approve a high-risk plan. It takes one of: dba, manager, senior."
    )
    assert room.count("rewired") == 1


def test_it_ignores_a_run_that_woke_without_an_answer(room: Room) -> None:
    script = room.live(lambda q: None, rejected)
    assert script.asked[1].refused == "The run was started again without an answer."
    assert room.count("tried") == 0


def test_it_voids_the_approval_when_more_would_be_done_than_approved(room: Room) -> None:
    def approved_too_late(question: Question) -> Answer:
        room.set(bulbs=["a", "b"])
        return said(question)

    script = room.live(approved_too_late, rejected)
    assert room.count("tried") == 0
    assert "lamp on b" in script.asked[1].refused
    assert "lamp on a" not in script.asked[1].refused
    assert "{" not in script.asked[1].refused
    assert script.asked[1].digest != script.asked[0].digest


def test_it_voids_an_answer_to_an_older_runbook(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def released_meanwhile(question: Question) -> Answer:
        monkeypatch.setattr(
            "flows.gate.settle.plan_digest", lambda version, *shown: plan_digest(f"newer than {version}", *shown)
        )
        return said(question)

    script = room.live(released_meanwhile, rejected)
    assert script.asked[1].refused.startswith("The runbook itself was changed since this was asked.")
    assert room.count("tried") == 0


def test_it_does_the_rest_when_the_plan_has_shrunk(room: Room) -> None:
    room.set(bulbs=["a", "b", "c"])

    def approved_later(question: Question) -> Answer:
        room.set(bulbs=["b"])
        return said(question)

    room.live(approved_later)
    intent = room.entry("step/switch-the-lamp-on/intent/1")
    assert [c["line"] for c in intent["plan"]["commands"]] == ["lamp on b"]
    assert room.verdict == "fixed"


def test_it_does_not_apply_when_the_fault_is_gone_after_the_approval(room: Room) -> None:
    def mended_meanwhile(question: Question) -> Answer:
        room.set(lit=True)
        return said(question)

    room.live(mended_meanwhile)
    assert room.count("tried") == 0
    assert room.entry("step/switch-the-lamp-on/closed")["fate"] == "moot"
    assert room.verdict == "recovered by itself"


def test_it_voids_the_approval_when_it_cannot_look_again(room: Room) -> None:
    def lost_sight(question: Question) -> Answer:
        room.lamp.rename(room.lamp.with_suffix(".away"))
        return said(question)

    def found_again(question: Question) -> Answer:  # pragma: no cover - only if the void asks once more
        return rejected(question)

    import threading

    timer = threading.Timer(8, lambda: room.lamp.with_suffix(".away").rename(room.lamp))
    timer.start()
    script = room.live(lost_sight, found_again)
    timer.join()
    assert script.asked[1].refused.startswith("The approval is void, because it could not be seen whether the fault")
    assert room.count("tried") == 0


def test_it_looks_whether_it_happened_when_a_step_breaks_off(room: Room) -> None:
    room.set(apply="breaks off once")
    room.live(said)
    assert room.kinds().count("intent") == 2
    assert (room.count("tried"), room.count("switched on")) == (2, 1)
    assert room.verdict == "fixed"


def test_it_gives_up_a_step_that_keeps_breaking_off(room: Room) -> None:
    room.set(apply="breaks off")
    room.live(said)
    closed = room.entry("step/switch-the-lamp-on/closed")
    assert closed["fate"] == "failed"
    assert closed["says"] == "It was tried 2 times and did not happen. Do it by hand, or look why."
    assert room.verdict == "unchanged"


def test_it_asks_a_person_when_it_cannot_tell_whether_it_happened(room: Room) -> None:
    room.set(apply="breaks off", applied="cannot tell")
    script = room.live(said, skipped)
    assert script.asked[1].reason.startswith("It was begun, and it cannot be told whether it happened.")
    assert room.count("tried") == 1


def test_it_offers_to_take_back_what_did_not_help(room: Room) -> None:
    room.set(apply="does nothing")
    script = room.live(said, said)
    assert [q.title for q in script.asked] == ["Switch the lamp on", "Take back: Switch the lamp on"]
    assert room.count("switched off") == 1
    assert room.verdict == "unchanged"


def test_it_goes_on_to_its_end_where_an_undo_crashes(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> NoReturn:
        """The bulbs can be switched off again."""
        raise KeyError("bulb")

    monkeypatch.setattr("lamp.actions.SwitchOn.undo", crash)
    room.set(apply="does nothing")
    assert [q.title for q in room.live(said).asked] == ["Switch the lamp on"]
    assert room.verdict == "unchanged"
    assert "Switch the lamp on: how to take it back cannot be told: " in caplog.text


def test_it_does_not_offer_to_take_back_what_did_help(room: Room) -> None:
    """The second fault was left to somebody else: that is no reason to switch the lamp off again."""
    room.set(heat=95)
    script = room.live(said, lambda q: said(q, "skip", name="zoe"))
    assert [q.title for q in script.asked] == ["Switch the lamp on", "Replace the wiring"]
    assert room.verdict == "unchanged"
    assert room.state()["lit"]


def test_it_calls_it_worse_when_another_check_turns_bad(room: Room) -> None:
    def burns(question: Question) -> Answer:
        room.set(heat=120)
        return said(question)

    room.live(burns, skipped)
    assert room.verdict == "worse"


def test_it_proposes_nothing_when_nothing_is_bad(room: Room) -> None:
    room.set(lit=True, heat=70)
    room.live()
    assert room.verdict == "not reproduced"


def crashes_at(name: str) -> str:
    """The first line of the lamp's file that crashes when it is told to, as people are told it."""
    lines = (TEAM / "systems" / "lamp" / name).read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "raise ZeroDivisionError" in line)
    return f"systems/lamp/{name}, line {number}"


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("hangs", "It did not answer within 3 s."),
        ("crashes", f"check_lamp_answers crashed: ZeroDivisionError: no current ({crashes_at('checks.py')})."),
    ],
)
def test_it_hears_the_others_when_one_check_hangs_or_crashes(room: Room, trouble: str, sentence: str) -> None:
    room.set(lit=True, trouble=trouble)
    room.live()
    found = room.entry("diagnosis/check_lamp_answers")
    assert (found["verdict"], found["says"]) == ("UNKNOWN", sentence)
    assert room.entry("diagnosis/check_lamp_is_lit")["verdict"] == "OK"
    # Blindness is not health.
    assert room.verdict == "cannot tell"


def test_it_goes_on_with_the_other_steps_when_the_plan_of_one_crashes(room: Room) -> None:
    room.set(heat=95, plan="explodes")
    script = room.live(lambda question: said(question, name="zoe"))
    assert [question.title for question in script.asked] == ["Replace the wiring"]
    closed = room.entry("step/switch-the-lamp-on/closed")
    assert closed["fate"] == "failed"
    assert closed["says"] == (
        f"SwitchOn.plan crashed: ZeroDivisionError: no current ({crashes_at('actions.py')}). "
        "This is a defect of systems/lamp/actions.py, not of your system, and not of `incident`. Mend it there."
    )
    assert room.count("rewired") == 1


def test_it_looks_whether_it_happened_when_a_step_crashes_in_the_middle(room: Room) -> None:
    room.set(apply="explodes once")
    room.live(said)
    assert room.kinds().count("broken off") == 1
    assert (room.verdict, room.count("tried"), room.count("switched on")) == ("fixed", 2, 1)


def test_it_records_the_whole_story_in_order(room: Room) -> None:
    room.live(said, reason="| a `reason` from outside")
    assert room.kinds() == [
        *["opened", "finding", "finding", "finding", "asked", "answered", "look", "intent", "outcome", "step"],
        *["manual", "verifying", "verified", "closed"],
    ]
    assert room.verdict == "fixed"
    assert broken(room.entries) is None
    assert next(e for e in room.entries if e.kind == "answered").actor == "ana"
    text = report(room.entries)
    for expected in (
        "# The room is dark in room: fixed",
        "| check_lamp_is_lit | BAD | The lamp is off. |",
        "| Switch the lamp on | approve | ana |",
        "lamp on a",
        "- [ ] **Keep a candle**: Buy candles",
    ):
        assert expected.replace("_", "\\_") in text or expected in text


def test_it_does_not_ask_its_checks_twice(room: Room) -> None:
    """Diagnosis, the look before the step, and two or three looks while verifying: nothing is asked without need."""
    room.live(said)
    assert room.count("asked") <= 6
    assert room.kinds().count("finding") == 3


def test_it_expires_by_its_own_clock_even_if_the_asker_never_says_so(room: Room) -> None:
    def too_late(question: Question) -> Answer:
        assert now() < question.expires_at
        return said(question, decided_at=question.expires_at + timedelta(microseconds=1))

    room.live(too_late)
    assert room.entry("step/switch-the-lamp-on/closed")["fate"] == "expired"


def test_it_tells_the_next_look_what_the_verification_saw(room: Room) -> None:
    def cooled(question: Question) -> Answer:
        room.set(heat=45)
        return said(question)

    room.set(heat=70)
    room.live(cooled)
    measured = room.journal.earlier("room", ["check_lamp_heat"]).get("check_lamp_heat")
    assert measured is not None
    assert measured.value == 45


ADDRESS = "ana.pop@example.com"


def test_it_takes_back_what_it_did_where_the_record_masks_its_targets(room: Room) -> None:
    """Undone from what the record shows, another bulb would be switched off, or none."""
    room.set(apply="does nothing", bulbs=["a", ADDRESS])
    script = room.live(said, said, environment="discreet")
    assert script.asked[1].title == "Take back: Switch the lamp on"
    assert room.count(f"switched off {ADDRESS}") == 1
    assert room.count("switched off a") == 1
    assert ADDRESS not in "".join(str(entry.body) for entry in room.journal.read(room.incident))


@pytest.mark.parametrize("environment", ["room", "discreet"])
def test_it_takes_back_the_part_that_was_done_and_no_more(room: Room, environment: str) -> None:
    room.set(apply="half", bulbs=[ADDRESS, "b", "c"])
    script = room.live(said, said, environment=environment)
    back = script.asked[1]
    assert back.title == "Take back: Switch the lamp on"
    assert back.reason.startswith("“Switch the lamp on” failed: ")
    assert back.reason.endswith("This takes back what was done of it.")
    assert len(back.plan.commands) == 1
    assert room.count(f"switched off {ADDRESS}") == 1
    assert room.count("switched off b") == room.count("switched off c") == 0
    # What came to be in acting only, and no plan could hold.
    assert room.count(f"took out wire of {ADDRESS}") == 1
    shown = "".join(str(entry.body) for entry in room.journal.read(room.incident))
    assert (ADDRESS in shown) is (environment == "room")


def test_it_takes_back_all_that_was_done_in_two_attempts(room: Room) -> None:
    """The second one, after the cable was pulled, names only what was left to do."""

    def one_is_on(question: Question) -> Answer:
        room.set(**{"apply": "breaks off once", "bulbs after it": ["b"]})
        return said(question)

    room.set(bulbs=["a", "b"])
    script = room.live(one_is_on, said)
    assert [len(e.body["plan"]["commands"]) for e in room.entries if e.kind == "intent"][:2] == [2, 1]  # type: ignore[call-overload,index,arg-type]
    assert [command.line for command in script.asked[1].plan.commands] == ["lamp off a", "lamp off b"]


def test_it_looks_for_what_it_did_where_the_record_masks_its_targets(room: Room) -> None:
    room.set(apply="breaks off once", bulbs=[ADDRESS])
    room.live(said, environment="discreet")
    assert room.count(f"looked for {ADDRESS}") > 0
    assert room.verdict == "fixed"


def test_it_cannot_tell_what_was_sealed_with_another_key(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal's password was changed meanwhile: a person is asked, and the masked name is looked for nowhere."""
    keys = iter([SecretStr("before")])
    monkeypatch.setattr(settings, "sealing_key", lambda: next(keys, SecretStr("after")))
    room.set(apply="breaks off", bulbs=[ADDRESS])
    script = room.live(said, skipped, environment="discreet")
    assert script.asked[1].reason.startswith("It was begun, and it cannot be told whether it happened.")
    assert not [line for line in room.lamp.with_suffix(".log").read_text().splitlines() if "looked for" in line]


def test_it_asks_nobody_about_targets_that_are_never_written_down(room: Room) -> None:
    room.set(bulbs=["ghp_0123456789abcdefghij0123456789abcdef"])
    script = room.live(skipped)
    assert [question.title for question in script.asked] == ["Mend it by hand"]
    closed = room.entry("step/switch-the-lamp-on/closed")
    assert closed["fate"] == "failed"
    assert "looks like a secret" in closed["says"]
