"""One name stands for many things: what an OAuth error means, and whether authorising again would help."""

from __future__ import annotations

import pytest

from tasks.model import Json
from tasks.oauth import reasons
from tasks.oauth.reasons import LONGEST_SAID, Reason, Who, of_answer, of_text

MICROSOFT = [
    (700016, "unauthorized_client", reasons.NO_APP),
    (7000215, "invalid_client", reasons.CLIENT),
    (7000222, "invalid_client", reasons.EXPIRED_SECRET),
    (90002, "invalid_request", reasons.TENANT),
    (50011, "invalid_request", reasons.REDIRECT),
    (65001, "invalid_grant", reasons.CONSENT),
    (700082, "invalid_grant", reasons.EXPIRED),
    (70008, "invalid_grant", reasons.EXPIRED),
    (50173, "invalid_grant", reasons.PASSWORD),
    (50076, "interaction_required", reasons.FACTOR),
    (50079, "invalid_grant", reasons.FACTOR),
    (50072, "invalid_grant", reasons.FACTOR),
    (50074, "invalid_grant", reasons.FACTOR),
    (50078, "invalid_grant", reasons.FACTOR),
    (53000, "invalid_grant", reasons.POLICY),
    (53001, "invalid_grant", reasons.POLICY),
    (53002, "invalid_grant", reasons.POLICY),
    # None of ours: what it means nobody has said, but the name beside it may.
    (50158, "invalid_grant", reasons.UNCLEAR),
    (7000218, "invalid_client", reasons.CLIENT),
    (53003, "invalid_grant", reasons.POLICY),
    (70000, "invalid_grant", reasons.FOREIGN),
    (9002313, "invalid_request", reasons.REQUEST),
    (500011, "invalid_resource", reasons.SCOPE),
]


@pytest.mark.parametrize(("number", "name", "reason"), MICROSOFT)
def test_it_believes_the_number_more_than_the_name(number: int, name: str, reason: Reason) -> None:
    said = f"AADSTS{number}: Something went wrong. Trace ID: 0b1c"
    assert of_answer({"error": name, "error_description": said, "error_codes": [number]}) is reason
    assert of_answer({"error": name, "error_description": said}) is reason
    assert of_text(f"{name}: {said}") is of_text(f'{{"error":"{name}","error_description":"{said}"}}') is reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, reasons.REVOKED),
        ({"error": "invalid_grant", "error_description": "Bad Request"}, reasons.FOREIGN),
        (
            {"error": "invalid_grant", "error_description": "reauth related error (invalid_rapt)"},
            reasons.FACTOR,
        ),
        ({"error": "invalid_client", "error_description": "The OAuth client was not found."}, reasons.CLIENT),
        ({"error": "deleted_client"}, reasons.CLIENT),
        ({"error": "invalid_client", "error_description": "while invalid_grant was looked at"}, reasons.CLIENT),
        ({"error": "redirect_uri_mismatch"}, reasons.REDIRECT),
        ({"error": "admin_policy_enforced"}, reasons.POLICY),
        ({"error": "org_internal"}, reasons.POLICY),
        ({"error": "temporarily_unavailable"}, reasons.TROUBLE),
        ({"error": ["invalid_grant"], "error_codes": ["x", None, 1]}, reasons.REVOKED),
        ({"error": "something_else"}, reasons.UNCLEAR),
        ({}, reasons.UNCLEAR),
        ("<html>invalid</html>", reasons.UNCLEAR),
        (None, reasons.UNCLEAR),
        ([1], reasons.UNCLEAR),
    ],
)
def test_it_reads_what_google_and_rfc_6749_say(body: Json, reason: Reason) -> None:
    assert of_answer(body) is reason


def test_only_a_token_that_is_gone_for_good_is_dead() -> None:
    """A second factor, a policy, or a secret of ours that is wrong: the token is good, and would be lost."""
    known = {*reasons.BY_NUMBER.values(), *reasons.BY_NAME.values(), reasons.REVOKED}
    dead = {one.name for one in known if one.dead}
    assert dead == {"revoked or expired", "token expired", "password changed"}
    assert {one.who for one in known if one.dead} == {Who.USER}
    assert not any(one.dead for one in known if one.about_client)


def test_it_looks_at_no_more_than_a_few_lines() -> None:
    assert of_text("x" * LONGEST_SAID + " invalid_grant") is reasons.UNCLEAR
    assert of_text("x " * (LONGEST_SAID // 2 - 10) + "invalid_grant") is reasons.REVOKED
    assert of_text("AADSTS" + "9" * 100) is reasons.UNCLEAR
