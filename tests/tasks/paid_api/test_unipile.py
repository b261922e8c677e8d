"""Unipile: our key is told from one account's, accounts are judged by their worst source, links are for one user."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from deployments.lab import vendors as lab
from tasks.kept import one_round
from tasks.model import CannotLook, Refused, Threshold, Verdict
from tasks.unipile.checks import (
    check_unipile_accounts,
    check_unipile_answers,
    check_unipile_key,
    check_unipile_latency,
    check_unipile_rate_limit,
    check_unipile_status,
)
from tests.tasks.paid_api.conftest import CANARIES, Standing, door

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN
ALL = (
    check_unipile_answers,
    check_unipile_key,
    check_unipile_rate_limit,
    check_unipile_latency,
    check_unipile_accounts,
)
UNTIL = datetime(2026, 11, 29, 12, 0, 0, 123456, tzinfo=UTC)


def asked(one: Any) -> list[Verdict]:
    found = []
    for check in ALL:
        try:
            found.append(check.fn(one).verdict)
        except CannotLook:
            found.append(UNKNOWN)
    return found


def problem(status: int, kind: str) -> tuple[int, Any, dict[str, str]]:
    return status, {"object": "Error", "status": status, "type": kind, "title": "No", "detail": "not now"}, {}


def listed(*items: dict[str, Any], cursor: str | None = None) -> tuple[int, Any, dict[str, str]]:
    return 200, {"object": "AccountList", "items": items, "cursor": cursor}, {}


def account(name: str, *statuses: str) -> dict[str, Any]:
    return {
        "object": "Account",
        "id": name,
        "type": "LINKEDIN",
        "name": "Ada Lovelace",
        "sources": [{"id": f"{name}_{n}", "status": status} for n, status in enumerate(statuses)],
    }


def test_it_is_well(standing: Standing) -> None:
    one = door(standing, lab.UNIPILE)
    assert asked(one) == [OK] * 5
    assert check_unipile_status.fn(one).verdict is OK
    assert check_unipile_accounts.fn(one).says == "Of 3 accounts at Unipile none is lost; all are connected."


@pytest.mark.parametrize(
    ("answer", "verdicts"),
    [
        # answers, key, rate limit, latency, accounts
        (problem(401, "errors/missing_credentials"), [OK, BAD, UNKNOWN, UNKNOWN, UNKNOWN]),
        (problem(401, "errors/expired_credentials"), [OK, BAD, UNKNOWN, UNKNOWN, UNKNOWN]),
        (problem(401, "api/invalid_api_key"), [OK, BAD, UNKNOWN, UNKNOWN, UNKNOWN]),
        # One account, not our key.
        (problem(401, "errors/disconnected_account"), [OK, OK, OK, UNKNOWN, UNKNOWN]),
        (problem(401, "provider/invalid_authorization"), [OK, OK, OK, UNKNOWN, UNKNOWN]),
        (problem(403, "provider/insufficient_permissions"), [OK, OK, OK, UNKNOWN, UNKNOWN]),
        (problem(403, "errors/insufficient_permissions"), [OK, BAD, UNKNOWN, UNKNOWN, UNKNOWN]),
        (problem(429, "errors/too_many_requests"), [OK, UNKNOWN, BAD, UNKNOWN, UNKNOWN]),
        (problem(422, "errors/limit_exceeded"), [OK, UNKNOWN, BAD, UNKNOWN, UNKNOWN]),
        (problem(500, "errors/unexpected_error"), [BAD, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]),
        (problem(503, "errors/no_client_session"), [BAD, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]),
        (problem(504, "errors/request_timeout"), [BAD, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]),
        ((401, None, {}), [OK, BAD, UNKNOWN, UNKNOWN, UNKNOWN]),
    ],
)
def test_it_tells_troubles_apart(standing: Standing, answer: Any, verdicts: list[Verdict]) -> None:
    standing.instead = answer
    assert asked(door(standing, lab.UNIPILE)) == verdicts


def test_a_time_out_on_the_way_to_linkedin_is_quoted(standing: Standing) -> None:
    standing.instead = problem(504, "errors/request_timeout")
    assert check_unipile_answers.fn(door(standing, lab.UNIPILE)).says == (
        "Unipile answers 504: “No: not now” to GET /api/v1/accounts."
    )


@pytest.mark.parametrize(
    ("statuses", "verdict", "status"),
    [
        (["OK"], OK, None),
        (["OK", "OK"], OK, None),
        (["OK", "CREDENTIALS"], BAD, "CREDENTIALS"),
        (["CONNECTING", "STOPPED", "OK"], BAD, "STOPPED"),
        (["OK", "CONNECTING"], WARN, "CONNECTING"),
        (["PERMISSIONS"], BAD, "PERMISSIONS"),
        (["ERROR"], BAD, "ERROR"),
        # A word that we do not know is no health.
        (["OK", "PONDERING"], BAD, "PONDERING"),
        ([], BAD, ""),
    ],
)
def test_an_account_is_as_its_worst_source(
    standing: Standing, statuses: list[str], verdict: Verdict, status: str | None
) -> None:
    standing.instead = listed(account("one", *statuses), account("two", "OK"))
    found = check_unipile_accounts.fn(door(standing, lab.UNIPILE))
    assert found.verdict is verdict
    assert [row["status"] for row in found.rows] == ([] if status is None else [status])
    assert "Lovelace" not in repr(found)


def test_what_it_says_of_lost_accounts(standing: Standing) -> None:
    standing.tell_to(lab.UNIPILE, accounts={lab.ACCOUNTS[0]: "CREDENTIALS"})
    found = check_unipile_accounts.fn(door(standing, lab.UNIPILE))
    assert found.says == ("Of 3 accounts at Unipile 1 is lost: 1 CREDENTIALS (its user has to connect it again).")
    assert found.rows == [
        {
            "account": lab.ACCOUNTS[0],
            "type": "LINKEDIN",
            "status": "CREDENTIALS",
            "means": "its user has to connect it again",
        }
    ]


def test_a_list_that_is_refused_is_quoted_cut_and_clean(standing: Standing) -> None:
    says = "x" * 270 + CANARIES[lab.UNIPILE] + "ada.lovelace@example.com"
    standing.instead = 403, {"type": "errors/forbidden", "title": says}, {}
    with pytest.raises(Refused, match=r"refuses our key \(403: “xxx") as refused:
        door(standing, lab.UNIPILE).accounts()
    assert "canary" not in refused.value.says
    assert "lovelace" not in refused.value.says
    assert len(refused.value.says) < 350


def test_no_account_at_all_is_not_taken_for_health(standing: Standing) -> None:
    standing.instead = listed()
    assert check_unipile_accounts.fn(door(standing, lab.UNIPILE)).verdict is UNKNOWN
    standing.instead = 200, {"object": "AccountList"}, {}
    with pytest.raises(Refused, match="are no list"):
        check_unipile_accounts.fn(door(standing, lab.UNIPILE))


def test_accounts_come_in_pages_and_are_asked_for_once(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(method: str, target: str, headers: Any, body: bytes) -> Any:
        standing.asked.append((method, target))
        return listed(account("two", "OK")) if "cursor=next" in target else listed(account("one", "OK"), cursor="next")

    monkeypatch.setattr(standing, "answer", answer)
    one = door(standing, lab.UNIPILE)
    with one_round():
        assert [found.id for found in one.accounts()] == ["one", "two"]
        one.accounts()
    assert len(standing.asked) == 2


def test_a_list_without_an_end_is_given_up(standing: Standing) -> None:
    standing.instead = listed(account("one", "OK"), cursor="again")
    with pytest.raises(CannotLook):
        door(standing, lab.UNIPILE).accounts()


def test_version_2(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ["running"] * 99 + ["disconnected", "paused"]

    def answer(method: str, target: str, headers: Any, body: bytes) -> Any:
        standing.asked.append((method, target))
        begin = 100 if "offset=100" in target else 0
        items = [{"id": f"acc_{n}", "provider": "linkedin", "status": told[n]} for n in range(len(told))]
        return 200, {"object": "list", "items": items[begin : begin + 100]}, {}

    monkeypatch.setattr(standing, "answer", answer)
    one = door(standing, lab.UNIPILE, version=2)
    found = check_unipile_accounts.fn(one)
    assert found.facts["accounts"] == 101
    assert [(row["account"], row["status"]) for row in found.rows] == [
        ("acc_99", "DISCONNECTED"),
        ("acc_100", "PAUSED"),
    ]
    assert check_unipile_key.fn(one).verdict is OK
    with pytest.raises(Refused, match="version 1 only"):
        one.reconnect_link("acc_99", UNTIL)


def test_a_link_is_asked_for_as_unipile_wants_it_and_not_shown(standing: Standing) -> None:
    standing.tell_to(lab.UNIPILE, accounts={lab.ACCOUNTS[1]: "CREDENTIALS"})
    link = door(standing, lab.UNIPILE).reconnect_link(lab.ACCOUNTS[1], UNTIL)
    assert json.loads(standing.sent[-1]) == {
        "type": "reconnect",
        "reconnect_account": lab.ACCOUNTS[1],
        "providers": "*",
        "api_url": standing.url(lab.UNIPILE),
        "expiresOn": "2026-11-29T12:00:00.000Z",
    }
    assert link.get_secret_value().startswith("https://")
    assert "unipile.example" not in repr(link)


@pytest.mark.parametrize(
    "told", [{}, {"url": None}, {"url": "http://example.com/x"}, {"url": "javascript:alert(1)"}, {"url": "https://a\n"}]
)
def test_what_is_no_link_is_none(standing: Standing, told: dict[str, Any]) -> None:
    standing.instead = 201, told, {}
    with pytest.raises(Refused, match="gives no link"):
        door(standing, lab.UNIPILE).reconnect_link("one", UNTIL)


def test_an_answer_that_takes_long(standing: Standing) -> None:
    took = Threshold(warn=-2, bad=-1, because="Whatever it takes is too long here: nothing has to be waited for.")
    assert check_unipile_latency.fn(door(standing, lab.UNIPILE), took).verdict is BAD


def test_its_address_is_each_customers_own(standing: Standing) -> None:
    with pytest.raises(ValidationError, match="url"):
        door(standing, lab.UNIPILE, url=None)
