from __future__ import annotations

import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tasks.model import (
    BlastRadius,
    CannotLook,
    Command,
    Finding,
    NoWayBack,
    Plan,
    Refused,
    Risk,
    Row,
    Threshold,
    Verdict,
    canonical,
    digest,
)

HIGHER_IS_WORSE = Threshold(warn=20, bad=50, because="The provider reviews a sender at 50.")
LOWER_IS_WORSE = Threshold(warn=40_000_000, bad=10_000_000, because="Postgres refuses transactions at three million.")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (-1, Verdict.OK),
        (19.999, Verdict.OK),
        (20, Verdict.WARN),
        (49.999, Verdict.WARN),
        (50, Verdict.BAD),
        (math.inf, Verdict.BAD),
        (-math.inf, Verdict.OK),
        (math.nan, Verdict.UNKNOWN),
    ],
)
def test_it_judges_both_sides_when_higher_is_worse(value: float, verdict: Verdict) -> None:
    assert HIGHER_IS_WORSE.judge(value) is verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (40_000_001, Verdict.OK),
        (40_000_000, Verdict.WARN),
        (10_000_001, Verdict.WARN),
        (10_000_000, Verdict.BAD),
        (0, Verdict.BAD),
        (math.inf, Verdict.OK),
        (math.nan, Verdict.UNKNOWN),
    ],
)
def test_it_judges_both_sides_when_lower_is_worse(value: float, verdict: Verdict) -> None:
    assert LOWER_IS_WORSE.judge(value) is verdict


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_it_never_calls_the_worse_value_better(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert HIGHER_IS_WORSE.judge(low) <= HIGHER_IS_WORSE.judge(high)
    assert LOWER_IS_WORSE.judge(low) >= LOWER_IS_WORSE.judge(high)


@pytest.mark.parametrize(
    ("warn", "bad", "because", "said"),
    [
        (1, 1, "x", "Threshold: warn and bad are both 1; one of them would never be said."),
        (math.nan, 1, "x", "Threshold: warn=nan and bad=1 must be finite numbers."),
        (1, math.inf, "x", "Threshold: warn=1 and bad=inf must be finite numbers."),
        (1, 2, " ", "Threshold: `because` is empty. Say whose limit this is and why it matters."),
    ],
)
def test_it_refuses_a_limit_that_says_nothing(warn: float, bad: float, because: str, said: str) -> None:
    with pytest.raises(ValueError, match="Threshold") as refused:
        Threshold(warn=warn, bad=bad, because=because)
    assert str(refused.value) == said


def test_it_orders_verdicts_by_concern() -> None:
    assert sorted(Verdict, reverse=True) == [Verdict.BAD, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK]
    assert max([Verdict.OK, Verdict.UNKNOWN, Verdict.WARN]) is Verdict.UNKNOWN


def test_it_never_lets_blindness_look_like_health() -> None:
    finding = Finding.unknown("The server hides its sessions.", remedy="GRANT pg_monitor TO reader;")
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.remedy == "GRANT pg_monitor TO reader;"


def test_it_knows_that_a_refusal_will_not_pass() -> None:
    error = Refused("No such role.", remedy="CREATE ROLE reader;")
    assert isinstance(error, CannotLook)
    assert (str(error), error.says, error.remedy) == ("No such role.", "No such role.", "CREATE ROLE reader;")


def test_it_refuses_an_empty_no_way_back() -> None:
    with pytest.raises(ValueError, match="`loses` is empty"):
        NoWayBack(loses="\n")


def plan(*targets: Row, evidence: tuple[Row, ...] = (), touched: int = 0) -> Plan:
    commands = tuple(Command(line=f"SELECT pg_terminate_backend({t['pid']})", target=t) for t in targets)
    return Plan(
        does="End the sessions",
        commands=commands,
        blast_radius=BlastRadius(touched=touched or len(targets), total=41, noun="sessions"),
        risk=Risk.MODERATE,
        loses="Their transactions.",
        evidence=evidence,
    )


ONE: Row = {"pid": 1, "started": "09:00"}
TWO: Row = {"pid": 2, "started": "09:01"}


def test_it_allows_less_than_was_approved() -> None:
    assert plan(ONE).exceeds(plan(ONE, TWO)) == frozenset()
    assert plan().exceeds(plan(ONE)) == frozenset()


def test_it_notices_more_than_was_approved() -> None:
    assert len(plan(ONE, TWO).exceeds(plan(ONE))) == 1


def test_it_notices_a_moved_target() -> None:
    """The same process number, started later, is somebody else's session."""
    assert plan({"pid": 1, "started": "09:30"}).exceeds(plan(ONE))


def test_it_does_not_void_for_numbers_that_move_by_themselves() -> None:
    waited = plan(ONE, evidence=({"waited_s": 80},), touched=3)
    assert waited.effect == plan(ONE, evidence=({"waited_s": 20},)).effect


def test_it_compares_effects_whatever_the_order() -> None:
    turned: Row = {"started": "09:00", "pid": 1}
    assert plan(ONE, TWO).effect == plan(TWO, turned).effect


def test_it_notices_another_command_on_the_same_target() -> None:
    other = Plan(
        does="Cancel",
        commands=(Command(line="SELECT pg_cancel_backend(1)", target=ONE),),
        blast_radius=BlastRadius(touched=1, total=41, noun="sessions"),
        risk=Risk.LOW,
        loses="",
    )
    assert other.exceeds(plan(ONE))


def test_it_reads_a_blast_radius_aloud() -> None:
    assert str(BlastRadius(touched=1, total=41, noun="sessions")) == "1 of 41 sessions"


def test_it_writes_one_form_for_one_value() -> None:
    assert canonical({"b": 1.0, "a": [None, True, "ü"]}) == '{"a":[null,true,"ü"],"b":1}'.encode()


def test_it_keeps_its_digest_for_ever() -> None:
    """The journal's hashes rest on it: a digest that changes would call every old record forged.

    The expected one is `sha256sum` of the canonical text written by hand.
    """
    value: Row = {"plan": [{"line": "SELECT 1", "target": {"pid": 42}}], "waited_s": 12.5, "who": "Zoë"}
    assert digest(value) == "25d7e0e69361a6fb6b6101ba856caa54ef60663e06197b950dfde1cf109c031d"


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53 + 1])
def test_it_refuses_what_json_cannot_carry(value: float) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical({"value": value})
