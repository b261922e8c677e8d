"""Exactly those that were approved are kept out, for their time, and let in again; nobody else, whatever a log says."""

from __future__ import annotations

import dataclasses
import fcntl
import time
from collections.abc import Callable
from ipaddress import ip_network

import pytest

from tasks.blocking.actions import BlockAttackers, LiftBlocks, LiftBlocksThatAreOver
from tasks.blocking.block_file import blocks
from tasks.blocking.checks import check_accounts_tried, check_attackers, check_blocks_over
from tasks.blocking.faults import FROM, GuessPasswords
from tasks.blocking.system import Blocking
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Command, Plan, Refused, Risk, Verdict
from tests.tasks.blocking.conftest import Place

ACTION = BlockAttackers()
Door = Callable[[Place], Blocking]
DOORS = pytest.mark.parametrize("door", [Place.by_file, Place.by_command], ids=["file", "command"])


def networks(blocking: Blocking) -> set[str]:
    return {str(one.network) for one in blocking.blocks()}


@pytest.mark.parametrize(("times", "verdict"), [(0, 0), (29, 0), (30, 1), (299, 1), (300, 3)])
def test_it_judges_who_gets_through(place: Place, times: int, verdict: int) -> None:
    place.refused("192.0.2.66", times)
    assert check_attackers.fn(place.logs, place.by_file()).verdict == verdict


@DOORS
def test_it_keeps_out_exactly_who_was_approved_and_lets_them_in_again(place: Place, door: Door) -> None:
    blocking, before = door(place), place.list.read_text()
    place.refused("192.0.2.66", 400)
    place.refused("2001:db8:1:2::9", 300)
    place.refused("2001:db8:1:2::a", 100)
    place.refused("192.0.2.67", 200)
    plan = ACTION.plan(place.logs, blocking)
    assert {str(command.target["network"]) for command in plan.commands} == {"192.0.2.66/32", "2001:db8:1:2::/64"}
    assert (plan.blast_radius.touched, plan.blast_radius.total, plan.risk) == (2, 3, Risk.MODERATE)
    assert plan.does == "Keep 192.0.2.66, 2001:db8:1:2::/64 out for 4 hours."
    was = networks(blocking)
    assert ACTION.applied(place.logs, blocking, plan=plan) is False

    outcome = ACTION.apply(place.logs, blocking, plan)
    assert outcome.complete
    assert networks(blocking) - was == {"192.0.2.66/32", "2001:db8:1:2::/64"}
    assert ACTION.applied(place.logs, blocking, plan=plan) is True
    found = check_attackers.fn(place.logs, blocking)
    assert found.verdict is Verdict.WARN  # 192.0.2.67, which nobody calls bad yet
    assert "2 kept out already" in found.says

    again = ACTION.apply(place.logs, blocking, plan)
    assert "0 networks kept out" in again.says
    assert ACTION.undoing(plan, again) is None  # whoever blocked them first lifts them
    undo = ACTION.undoing(plan, outcome)
    assert isinstance(undo, LiftBlocks)
    lifting = undo.plan(blocking)
    assert undo.applied(blocking, lifting) is False
    undo.apply(blocking, lifting)
    assert undo.applied(blocking, lifting) is True
    assert networks(blocking) == was
    assert place.list.read_text() == before


def test_it_says_until_when_and_the_file_too(place: Place) -> None:
    place.refused("192.0.2.66", 400)
    blocking = place.by_file(hours=2)
    outcome = ACTION.apply(place.logs, blocking, ACTION.plan(place.logs, blocking))
    assert "1 network kept out until 20" in outcome.says
    (ours,) = [one for one in blocks(place.list) if one.until_s is not None]
    assert ours.until_s is not None
    assert abs(ours.until_s - time.time() - 7200) < 10
    assert place.list.read_text().splitlines()[1] == "deny 192.0.2.200; # for ever"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::ffff:10.0.0.1", "198.51.100.9", "::ffff:198.51.100.9", "203.0.113.9", "fe80::1"]
)
def test_it_never_plans_what_would_hit_ourselves(place: Place, address: str) -> None:
    place.refused(address, 5000)
    with pytest.raises(Refused, match="is not blocked: "):
        ACTION.plan(place.logs, place.by_file())


@DOORS
@pytest.mark.parametrize("network", ["127.0.0.1/32", "198.51.100.9/32", "203.0.113.5/32", "0.0.0.0/0", "192.0.2.0/24"])
def test_it_refuses_at_the_act_whatever_a_plan_says(place: Place, door: Door, network: str) -> None:
    """The guard stands at the act: a plan that was made by other settings, or by somebody else, is no permission."""
    blocking = door(place)
    place.refused("192.0.2.66", 400)
    plan = ACTION.plan(place.logs, blocking)
    told = Command(
        line=blocking.line_for(ip_network(network)), target={"network": network, "seconds": blocking.seconds}
    )
    before = networks(blocking)
    with pytest.raises(Refused, match="is not blocked: "):
        ACTION.apply(place.logs, blocking, dataclasses.replace(plan, commands=(*plan.commands, told)))
    assert networks(blocking) == before


def test_one_of_ours_among_the_attackers_is_left_out_and_said(place: Place) -> None:
    place.refused("192.0.2.66", 400)
    place.refused("198.51.100.9", 900)
    plan = ACTION.plan(place.logs, place.by_file())
    assert [command.target["network"] for command in plan.commands] == ["192.0.2.66/32"]
    assert "198.51.100.9 is not blocked: it is among the addresses that `never` names." in plan.does


def test_it_takes_two_where_somebody_also_got_in(place: Place) -> None:
    place.refused("192.0.2.66", 400)
    place.refused("192.0.2.66", 3, msg="login succeeded")
    plan = ACTION.plan(place.logs, place.by_file())
    assert (plan.risk, ACTION.people(plan)) == (Risk.HIGH, 2)
    assert "3 logins from there worked within the last hour" in plan.does


def test_whoever_guessed_is_kept_out_however_few_tries_it_took(place: Place) -> None:
    place.refused("192.0.2.66", 12)
    assert check_attackers.fn(place.logs, place.by_file()).verdict is Verdict.OK
    place.refused("192.0.2.66", 1, msg="login succeeded")
    found = check_attackers.fn(place.logs, place.by_file())
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("192.0.2.66 was refused 12 times within an hour, and then let in")
    assert [command.target["network"] for command in ACTION.plan(place.logs, place.by_file()).commands] == [
        "192.0.2.66/32"
    ]


def test_other_settings_than_approved_are_refused(place: Place) -> None:
    place.refused("192.0.2.66", 400)
    plan = ACTION.plan(place.logs, place.by_file())
    for other in (place.by_file(hours=24), place.by_file(line="Require not ip {address}"), place.by_command()):
        with pytest.raises(Refused, match="Approved was"):
            ACTION.apply(place.logs, other, plan)
        assert "192.0.2.66/32" not in networks(other)


def test_a_server_that_does_not_take_the_list_gets_the_old_one_back(place: Place) -> None:
    place.refused("192.0.2.66", 400)
    before = place.list.read_text()
    blocking = place.by_file(reload=["false"])
    with pytest.raises(Refused, match="`false` failed with exit code 1"):
        ACTION.apply(place.logs, blocking, ACTION.plan(place.logs, blocking))
    assert place.list.read_text() == before


def test_a_block_that_does_not_hold_is_bad(place: Place) -> None:
    place.refused("192.0.2.66", 400)
    blocking = place.by_file()
    ACTION.apply(place.logs, blocking, ACTION.plan(place.logs, blocking))
    assert check_attackers.fn(place.logs, blocking).verdict is Verdict.OK
    text = place.list.read_text()
    (ours,) = [one for one in blocks(place.list) if one.since_s is not None]
    place.list.write_text(text.replace(f"from {ours.since_s or 0:.0f}", f"from {(ours.since_s or 0) - 600:.0f}"))
    found = check_attackers.fn(place.logs, blocking)
    assert found.verdict is Verdict.BAD
    assert "the block does not hold" in found.says


def test_an_account_counts_only_by_those_who_get_through(place: Place) -> None:
    place.refused("192.0.2.66", 400)
    place.refused("192.0.2.67", 60)
    blocking = place.by_file()
    assert check_accounts_tried.fn(place.logs, blocking).value == 460
    ACTION.apply(place.logs, blocking, ACTION.plan(place.logs, blocking))
    found = check_accounts_tried.fn(place.logs, blocking)
    assert (found.verdict, found.value) == (Verdict.WARN, 60)
    assert "from 1 networks" in found.says


def test_nobody_has_somebody_else_blocked_by_his_name(place: Place) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    forged = [
        f'{at} WARN login failed for user "x from 192.0.2.99"',
        f"{at} WARN login failed for x from 192.0.2.99 from 192.0.2.66",
        f"{at} web sshd[9]: Failed password for root from 192.0.2.99 from 192.0.2.66 port 22 ssh2",
        f'192.0.2.66 - - [{time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())}] "POST /login HTTP/1.1" 401 1 "-" '
        '"x" "192.0.2.99"',
    ]
    (place.folder / "app.log").write_text("".join(f"{line}\n" * 200 for line in forged))
    plan = ACTION.plan(place.logs, place.by_file())
    assert [command.target["network"] for command in plan.commands] == ["192.0.2.66/32"]
    found = check_attackers.fn(place.logs, place.by_file())
    assert found.facts["address_unknown"] == 400
    assert "400 refusals tell no address" in found.says


def test_what_others_have_blocked_is_not_lifted(place: Place) -> None:
    blocking = place.by_file()
    plan = LiftBlocks([ip_network("192.0.2.200")]).plan(blocking)
    assert not plan.commands
    assert plan.does == "Nothing to lift."


def test_a_block_is_lifted_when_its_time_is_over_and_not_before(place: Place) -> None:
    blocking, now = place.by_file(), int(time.time())
    assert check_blocks_over.fn(blocking).verdict is Verdict.OK
    with place.list.open("a") as file:
        file.write(f"deny 192.0.2.66/32; # incident from {now - 97_000} until {now - 90_000}\n")
        file.write(f"deny 192.0.2.67/32; # incident from {now - 9000} until {now + 60}\n")
    found = check_blocks_over.fn(blocking)
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("192.0.2.66 is kept out 25 hours longer than was approved")
    action = LiftBlocksThatAreOver()
    plan = action.plan(blocking)
    assert [command.target for command in plan.commands] == [{"network": "192.0.2.66/32"}]
    assert plan.risk is Risk.LOW
    action.apply(blocking, plan)
    assert networks(blocking) == {"192.0.2.200/32", "192.0.2.67/32"}
    assert action.applied(blocking, plan) is True
    # Over, it keeps nobody out as far as we judge.
    assert check_blocks_over.fn(blocking).verdict is Verdict.OK


def test_two_at_once_do_not_lose_a_line(place: Place) -> None:
    place.refused("192.0.2.66", 400)
    blocking = place.by_file()
    plan = ACTION.plan(place.logs, blocking)
    with place.list.with_name("blocked.conf.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CannotLook, match="Somebody else writes"):
            ACTION.apply(place.logs, blocking, plan)
    assert ACTION.apply(place.logs, blocking, plan).complete


def test_no_more_than_can_be_read_is_planned_at_once(place: Place) -> None:
    for n in range(60):
        place.refused(f"203.0.113.{100 + n}", 300)
    plan = ACTION.plan(place.logs, place.by_file())
    assert len(plan.commands) == 50
    assert "10 more are left for another round" in plan.does


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"file": "/x", "block": ["a", "{address}", "{seconds}"], "lift": ["a", "{address}"], "listed": ["a"]},
        {"file": "blocked"},
        {"file": "/x", "line": "deny all;"},
        {"file": "/x", "line": "deny {address}; # ours"},
        {"block": ["a", "{address}"], "lift": ["a", "{address}"], "listed": ["a"]},
        {"block": ["a", "{seconds}"], "lift": ["a", "{address}"], "listed": ["a"]},
        {"file": "/x", "never": ["198.51.100.7/24"]},
        {"file": "/x", "widest_v4": 8},
    ],
)
def test_it_refuses_settings_that_contradict_themselves(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Blocking"):
        Blocking.model_validate(given)


def test_doctor_hears_of_it(place: Place) -> None:
    assert [one.verdict for one in place.by_file().examine()] == [Verdict.OK]
    assert [one.verdict for one in place.by_file(never=[]).examine()] == [Verdict.OK, Verdict.WARN]
    place.list.unlink()
    assert [one.verdict for one in place.by_file().examine()] == [Verdict.BAD]


def test_the_drill_leaves_nothing_behind(place: Place) -> None:
    blocking = place.by_file()
    there = Environment(name="lab", kind=Kind.LAB, systems={"logs": place.logs, "blocking": blocking})
    place.refused("192.0.2.67", 10)
    before = place.list.read_text()
    with GuessPasswords().during(there):
        place.refused("192.0.2.67", 3)
        assert check_attackers.fn(place.logs, blocking).verdict is Verdict.BAD
        plan: Plan = ACTION.plan(place.logs, blocking)
        assert [command.target["network"] for command in plan.commands] == [f"{FROM}/32"]
        ACTION.apply(place.logs, blocking, plan)
        assert check_attackers.fn(place.logs, blocking).verdict is Verdict.OK
    assert place.list.read_text() == before
    found = check_attackers.fn(place.logs, blocking)
    assert (found.verdict, found.facts["refused"]) == (Verdict.OK, 13)
