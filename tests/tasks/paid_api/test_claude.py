"""Anthropic: each trouble told apart, by its type of error; what the headers tell; does a request fit the model?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from deployments.lab import vendors as lab
from tasks.claude.checks import (
    LONGEST_S,
    MOST_BYTES,
    TOOK,
    check_claude_answers,
    check_claude_credit,
    check_claude_key,
    check_claude_latency,
    check_claude_rate_limit,
    check_claude_request,
    check_claude_status,
    needs_s,
)
from tasks.claude.system import Claude, allowances
from tasks.model import CannotLook, Finding, Refused, Threshold, Verdict
from tests.tasks.paid_api.conftest import Standing
from tests.tasks.paid_api.conftest import door as door_to

OK, WARN, BAD = Verdict.OK, Verdict.WARN, Verdict.BAD
ALL = (
    check_claude_answers,
    check_claude_status,
    check_claude_key,
    check_claude_credit,
    check_claude_rate_limit,
    check_claude_latency,
)
FITS = {"max_tokens": 2000, "input_tokens": 50_000, "timeout_s": 60}


def door(standing: Standing, **settings: Any) -> Claude:
    one: Claude = door_to(standing, lab.CLAUDE, **{"sends": FITS, **settings})
    return one


def error(status: int, kind: str, message: str = "no", **headers: str) -> tuple[int, Any, dict[str, str]]:
    return status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}, headers


def asked(claude: Claude) -> dict[str, Verdict]:
    """What each question answers; UNKNOWN where it cannot."""
    found: dict[str, Verdict] = {}
    for one in ALL:
        try:
            found[one.name.removeprefix("check_claude_")] = one.fn(claude).verdict
        except CannotLook:
            found[one.name.removeprefix("check_claude_")] = Verdict.UNKNOWN
    return found


@pytest.mark.parametrize("paid", [True, False])
def test_it_is_well(standing: Standing, paid: bool) -> None:
    assert set(asked(door(standing, paid_probe=paid)).values()) == {OK}
    assert check_claude_request.fn(door(standing)).verdict is OK


def test_what_it_says_when_it_is_well(standing: Standing) -> None:
    claude = door(standing)
    assert check_claude_key.fn(claude).says == "Anthropic takes our key."
    assert check_claude_credit.fn(claude).says == "Anthropic answers a request that is paid for."
    assert check_claude_rate_limit.fn(claude).says.startswith(
        "Anthropic does not hold us back: 79,000 of 80,000 input tokens are left"
    ) or check_claude_rate_limit.fn(claude).says.startswith(
        "Anthropic does not hold us back: 990 of 1,000 requests are left, until it is reset in"
    )


def coded(status: int, kind: str, code: str) -> tuple[int, Any, dict[str, str]]:
    """An error whose details say what it really is (SDK 2.14.0)."""
    answer = {"type": kind, "message": "no", "details": {"error_code": code}}
    return status, {"type": "error", "error": answer, "request_id": "req_1"}, {}


UNKNOWN = Verdict.UNKNOWN
ANSWERED = {"answers", "key", "rate_limit"}
TROUBLES = {
    # What is answered, and the question that says BAD; those that are well; the others cannot tell.
    "a wrong key": (error(401, "authentication_error"), {"key"}, {"answers"}),
    "no right": (error(403, "permission_error"), {"key"}, {"answers"}),
    "billing": (error(402, "billing_error"), {"credit"}, {"answers", "key", "rate_limit"}),
    "an empty account": (
        error(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
        {"credit"},
        {"answers", "key", "rate_limit"},
    ),
    "the month's limit": (coded(400, "invalid_request_error", "enforced_spend_limit_reached"), {"credit"}, ANSWERED),
    "a contract's limit": (coded(429, "rate_limit_error", "contract_spend_limit_reached"), {"credit"}, ANSWERED),
    "grown too fast": (coded(429, "rate_limit_error", "ramp_limit_exceeded"), {"rate_limit"}, {"answers"}),
    "on hold": (coded(403, "permission_error", "organization_on_hold"), {"key"}, {"answers"}),
    "a limit": (error(429, "rate_limit_error", **{"retry-after": "30"}), {"rate_limit"}, {"answers"}),
    "overloaded": (error(529, "overloaded_error"), {"answers"}, set()),
    "overloaded within a stream": (error(200, "overloaded_error"), {"answers"}, set()),
    "in trouble": (error(500, "api_error"), {"answers"}, set()),
    "a gateway without a word": ((504, {}, {}), {"answers"}, set()),
    "a login page": ((200, "<html>", {}), {"answers"}, set()),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_it_tells_troubles_apart(standing: Standing, trouble: str) -> None:
    standing.instead, bad, well = TROUBLES[trouble]
    found = asked(door(standing))
    del found["status"]
    assert {name for name, verdict in found.items() if verdict is BAD} == bad
    assert {name for name, verdict in found.items() if verdict is OK} == well


def test_nobody_answers(standing: Standing) -> None:
    nobody = door(standing, url="http://127.0.0.1:1")
    found = check_claude_answers.fn(nobody)
    assert found.verdict is BAD
    assert "cannot be reached" in found.says
    for one in (check_claude_key, check_claude_credit, check_claude_rate_limit, check_claude_latency):
        with pytest.raises(CannotLook):
            one.fn(nobody)


def test_it_quotes_and_says_when_to_ask_again(standing: Standing) -> None:
    standing.instead = error(429, "rate_limit_error", "Too fast", **{"retry-after": "30"})
    found = check_claude_rate_limit.fn(door(standing))
    assert found.says == (
        "Anthropic answers 429: “Too fast” to POST /v1/messages: too much was asked at once. "
        "It wants to be asked again in 30 s."
    )
    # A wait that it asks for and that does not fit into the question is not begun, nor is it asked on.
    assert len(standing.asked) == 1


def test_what_is_asked_costs_nothing_unless_that_is_allowed(standing: Standing) -> None:
    free = door(standing, paid_probe=False)
    asked(free)
    check_claude_request.fn(free)
    assert {target.partition("?")[0] for _, target in standing.asked} == {
        "/claude/v1/models",
        "/claude/v1/messages/count_tokens",
        f"/claude/v1/models/{lab.MODEL}",
        "/claude/api/v2/summary.json",
    }
    standing.sent.clear()
    door(standing).work()
    assert b'"max_tokens":1' in standing.sent[0].replace(b" ", b"")


@pytest.mark.parametrize(("left", "verdict"), [(1000, OK), (201, OK), (200, WARN), (51, WARN), (50, BAD), (0, BAD)])
def test_what_is_left_is_judged(standing: Standing, left: int, verdict: Verdict) -> None:
    told = {"limit": "1000", "remaining": str(left), "reset": "2026-11-29T10:00:30Z"}
    headers = {f"anthropic-ratelimit-requests-{name}": value for name, value in told.items()}
    standing.instead = 200, {"type": "message"}, headers
    assert check_claude_rate_limit.fn(door(standing)).verdict is verdict


def test_limits_are_read_by_the_servers_own_clock() -> None:
    found = allowances(
        {
            "date": "Sun, 29 Nov 2026 10:00:00 GMT",
            "anthropic-ratelimit-output-tokens-limit": "8000",
            "anthropic-ratelimit-output-tokens-remaining": "2000",
            "anthropic-ratelimit-output-tokens-reset": "2026-11-29T10:00:30Z",
        }
    )
    assert [(one.what, one.share, one.resets_in_s) for one in found] == [("output tokens", 0.25, 30.0)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"limit": "NaN", "remaining": "1"},
        {"limit": "inf", "remaining": "inf"},
        {"limit": "10", "remaining": "11"},
        {"limit": "10", "remaining": "-1"},
        {"limit": "1" * 65, "remaining": "1"},
        {"limit": "10"},
    ],
)
def test_headers_that_are_none_are_not_believed(headers: dict[str, str]) -> None:
    assert allowances({f"anthropic-ratelimit-requests-{name}": value for name, value in headers.items()}) == ()


def test_an_answer_that_takes_long(standing: Standing) -> None:
    took = Threshold(warn=-2, bad=-1, because="Whatever it takes is too long here: nothing has to be waited for.")
    found = check_claude_latency.fn(door(standing), took)
    assert found.verdict is BAD
    assert found.value is not None
    assert 0 <= found.value < TOOK.bad


def test_its_status_page(standing: Standing) -> None:
    standing.tell_to(lab.CLAUDE, reports="major")
    found = check_claude_status.fn(door(standing))
    assert found.verdict is WARN
    assert "Partial System Outage" in found.says


def request(standing: Standing, **sends: Any) -> Finding:
    return check_claude_request.fn(door(standing, sends=sends))


@pytest.mark.parametrize(
    ("sends", "verdict", "says"),
    [
        ({"max_tokens": lab.MOST_OUT, "streams": True}, OK, "takes the answer piece by piece"),
        ({"max_tokens": lab.MOST_OUT + 1, "streams": True}, BAD, "asks for 64,001 tokens, and it answers with 64,000"),
        ({"max_tokens": 9, "input_tokens": lab.MOST_IN}, OK, "no time limit that we know"),
        ({"max_tokens": 9, "input_tokens": lab.MOST_IN + 1}, BAD, "holds 200,001 tokens, and it takes 200,000"),
        ({"max_tokens": 9, "body_bytes": MOST_BYTES}, OK, "fits"),
        ({"max_tokens": 9, "body_bytes": MOST_BYTES + 1}, BAD, "33,554,433 bytes"),
        # 128,000 tokens an hour: 21,333 in ten minutes.
        ({"max_tokens": 21_333}, OK, "fits"),
        ({"max_tokens": 21_334}, BAD, "must be streamed"),
        ({"max_tokens": 21_334, "streams": True}, OK, "fits"),
        ({"max_tokens": 1600, "timeout_s": 45}, OK, "waits long enough"),
        ({"max_tokens": 1601, "timeout_s": 45}, WARN, "waits 45 s for 1,601 tokens, which may take 45 s; 1,600 tokens"),
        ({"max_tokens": 1601, "timeout_s": 45, "streams": True}, OK, "fits"),
    ],
)
def test_what_is_sent_is_held_against_the_model(
    standing: Standing, sends: dict[str, Any], verdict: Verdict, says: str
) -> None:
    found = request(standing, **sends)
    assert found.verdict is verdict, found.says
    assert says in found.says


def test_it_reckons_as_the_sdk_does() -> None:
    assert needs_s(128_000) == 3600
    assert needs_s(21_333) < LONGEST_S < needs_s(21_334)


def test_a_model_that_is_gone(standing: Standing) -> None:
    found = check_claude_request.fn(door(standing, model="claude-2"))
    assert found.verdict is BAD
    assert found.says == "Anthropic has no model 'claude-2' (any more): every request is answered 404."
    # Of a 404 that is not the API's own nothing follows.
    standing.instead = 404, {"message": "nothing here"}, {}
    with pytest.raises(CannotLook, match="is not known"):
        check_claude_request.fn(door(standing))


@pytest.mark.parametrize(
    ("told", "verdict", "says"),
    [
        ({"lifecycle": "active"}, OK, "fits"),
        ({"lifecycle": "deprecated", "retires_at": "2027-02-01T00:00:00Z"}, WARN, "and retired on 2027-02-01"),
        ({"lifecycle": "deprecated", "retires_at": None}, WARN, "nobody says when"),
        # Still listed, with a 200: by the status alone it would pass for well.
        ({"lifecycle": "retired"}, BAD, "has retired the model 'claude-lab-1'"),
        ({"lifecycle": "something new"}, OK, "fits"),
    ],
)
def test_a_model_that_ends(standing: Standing, told: dict[str, Any], verdict: Verdict, says: str) -> None:
    standing.instead = 200, {"id": lab.MODEL, "max_input_tokens": 200_000, "max_tokens": 64_000, **told}, {}
    found = check_claude_request.fn(door(standing))
    assert found.verdict is verdict
    assert says in found.says


def test_a_model_of_which_nothing_is_told(standing: Standing) -> None:
    standing.instead = 200, {"id": "x", "max_tokens": "many", "max_input_tokens": -1}, {}
    with pytest.raises(CannotLook, match="does not tell what"):
        check_claude_request.fn(door(standing))


def test_nobody_said_what_is_sent(standing: Standing) -> None:
    with pytest.raises(Refused, match="Nobody has said"):
        check_claude_request.fn(door(standing, sends=None))


@pytest.mark.parametrize("model", ["", "../v1/keys", "a/b", "x" * 129, "claude 3"])
def test_a_model_is_a_name(standing: Standing, model: str) -> None:
    with pytest.raises(ValidationError):
        door(standing, model=model)
