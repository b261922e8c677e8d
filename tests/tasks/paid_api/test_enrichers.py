"""x.ai and MillionVerifier: refusals that look like something else are told for what they are."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.lab import vendors as lab
from tasks.grok.checks import (
    check_grok_answers,
    check_grok_credit,
    check_grok_key,
    check_grok_rate_limit,
    check_grok_status,
)
from tasks.million_verifier.checks import (
    CREDITS,
    check_million_verifier_answers,
    check_million_verifier_credits,
    check_million_verifier_key,
)
from tasks.model import CannotLook, Refused, Verdict
from tests.tasks.paid_api.conftest import Standing, door

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN
# The fields of `ApiKey` in x.ai's auth.proto (xai-org/xai-proto@9700be4b, Apache-2.0).
OF_A_KEY = frozenset(
    [
        "acls",
        "api_key_blocked",
        "api_key_id",
        "create_time",
        "disabled",
        "modified_by",
        "modify_time",
        "name",
        "redacted_api_key",
        "team_blocked",
        "team_id",
        "user_id",
    ]
)
OF_GROK = (check_grok_answers, check_grok_key, check_grok_credit, check_grok_rate_limit)
OF_VERIFIER = (check_million_verifier_answers, check_million_verifier_key, check_million_verifier_credits)


def asked(checks: tuple[Any, ...], one: Any) -> list[Verdict]:
    found = []
    for check in checks:
        try:
            found.append(check.fn(one).verdict)
        except CannotLook:
            found.append(UNKNOWN)
    return found


def test_both_are_well(standing: Standing) -> None:
    assert asked((*OF_GROK, check_grok_status), door(standing, lab.GROK)) == [OK] * 5
    assert asked(OF_VERIFIER, door(standing, lab.MILLION_VERIFIER)) == [OK] * 3
    # Nothing that is paid for: no address was verified.
    assert {target.partition("?")[0] for _, target in standing.asked} == {
        "/grok/v1/api-key",
        "/grok/api/v2/summary.json",
        "/million_verifier/api/v3/credits",
    }


@pytest.mark.parametrize(
    ("answer", "verdicts"),
    [
        # answers, key, credit, rate limit
        (
            (400, {"code": "x", "error": "Incorrect API key provided: xa***. You can get one at …"}),
            [OK, BAD, UNKNOWN, UNKNOWN],
        ),
        ((400, {"code": "x", "error": "Invalid request content"}), [OK, OK, OK, OK]),
        ((401, {"code": "x", "error": "no header"}), [OK, BAD, UNKNOWN, UNKNOWN]),
        ((403, {"code": "x", "error": "blocked"}), [OK, BAD, UNKNOWN, UNKNOWN]),
        ((429, {"code": "x", "error": "slow down"}), [OK, UNKNOWN, UNKNOWN, BAD]),
        ((503, {}), [BAD, UNKNOWN, UNKNOWN, UNKNOWN]),
        ((200, {"team_blocked": True}), [OK, OK, BAD, OK]),
        ((200, {"api_key_blocked": True}), [OK, BAD, UNKNOWN, UNKNOWN]),
        ((200, {"api_key_disabled": True}), [OK, BAD, UNKNOWN, UNKNOWN]),
        # As the proto has it.
        ((200, {"disabled": True}), [OK, BAD, UNKNOWN, UNKNOWN]),
        ((200, {"team_blocked": "no", "disabled": 1}), [OK, OK, OK, OK]),
    ],
)
def test_it_tells_groks_troubles_apart(standing: Standing, answer: tuple[int, Any], verdicts: list[Verdict]) -> None:
    standing.instead = (*answer, {})
    assert asked(OF_GROK, door(standing, lab.GROK)) == verdicts


def test_it_says_why_a_key_that_is_known_does_nothing(standing: Standing) -> None:
    standing.tell_to(lab.GROK, key={"team_blocked": True})
    found = check_grok_credit.fn(door(standing, lab.GROK))
    assert found.says == (
        "x.ai has no credit left for us. It answers 200: “the whole team is blocked, as it is without credit” to "
        "GET /v1/api-key."
    )


def test_the_stand_in_tells_of_a_key_what_x_ai_published() -> None:
    told = set(lab.grok_key())
    # The HTTP API says api_key_disabled, the proto disabled (crate x-ai 0.1.0, src/api_key.rs).
    assert told - {"api_key_disabled"} == OF_A_KEY - {"disabled"}


@pytest.mark.parametrize(
    ("answer", "verdicts"),
    [
        # answers, key, credits
        ((200, {"credits": 0, "error": "Apikey not found"}), [OK, BAD, UNKNOWN]),
        ((200, {"credits": 0, "error": "IP address blocked"}), [OK, BAD, UNKNOWN]),
        ((200, {"credits": 0, "error": "Insufficient credits"}), [OK, OK, BAD]),
        ((200, {"credits": 9000, "error": "something new"}), [OK, OK, UNKNOWN]),
        ((200, {"credits": CREDITS.warn + 1, "error": ""}), [OK, OK, OK]),
        ((200, {"credits": CREDITS.warn}), [OK, OK, WARN]),
        ((200, {"credits": CREDITS.bad + 1}), [OK, OK, WARN]),
        ((200, {"credits": CREDITS.bad}), [OK, OK, BAD]),
        ((200, {"credits": "many"}), [OK, OK, UNKNOWN]),
        ((200, {"credits": -1}), [OK, OK, UNKNOWN]),
        ((200, {}), [OK, OK, UNKNOWN]),
        ((200, "<html>Login</html>"), [BAD, UNKNOWN, UNKNOWN]),
        ((429, {}), [OK, UNKNOWN, UNKNOWN]),
        ((500, {}), [BAD, UNKNOWN, UNKNOWN]),
    ],
)
def test_it_reads_millionverifiers_words_not_its_status(
    standing: Standing, answer: tuple[int, Any], verdicts: list[Verdict]
) -> None:
    standing.instead = (*answer, {})
    assert asked(OF_VERIFIER, door(standing, lab.MILLION_VERIFIER)) == verdicts


def test_what_it_says_of_credits(standing: Standing) -> None:
    found = check_million_verifier_credits.fn(door(standing, lab.MILLION_VERIFIER))
    assert found.says == "MillionVerifier has 25,000 credits left for us (bad up to 500)."
    standing.instead = 200, {}, {}
    with pytest.raises(Refused, match="tells no credits"):
        check_million_verifier_credits.fn(door(standing, lab.MILLION_VERIFIER))
