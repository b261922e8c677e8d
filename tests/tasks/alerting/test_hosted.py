"""What hosted monitoring is told, by a stand-in that takes what their documents say, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from tasks.alerting import AlertingApi, Said
from tasks.betterstack.system import BetterStackApi
from tasks.model import CannotLook, Refused
from tasks.pagerduty.system import PagerDutyApi
from tasks.sentry.system import POSTED_BEFORE, SentryApi
from tests.tasks.web.conftest import Asked, Reply, Vendor, vendor, waits

__all__ = ["vendor", "waits"]

TOKEN = SecretStr("a-token-that-nobody-else-may-read")
LINK = "https://prefect.example.com/runs/flow-run/0190"
BEGAN = Said(sentence="It is worked on:", link=LINK)
WELL = Said(sentence="It is fixed.", link=LINK, well=True)
UNCHANGED = Said(sentence="It is unchanged.", link=LINK)

STRING = {"type": "string"}
# getsentry/sentry-api-schema: PUT …/issues/{issue_id}/, whose fields are those that are to be changed; and Sentry's own
# NoteSerializer for its comments.
SENTRY = {
    "type": "object",
    "properties": {
        "status": {"enum": ["resolved", "unresolved", "ignored", "resolvedInNextRelease", "muted"]},
        "assignedTo": STRING,
        "text": STRING,
    },
    "minProperties": 1,
    "additionalProperties": False,
}
# https://betterstack.com/docs/uptime/api/acknowledge-an-ongoing-incident/, …/resolve-an-ongoing-incident/
BETTERSTACK = {
    "type": "object",
    "properties": {"acknowledged_by": STRING, "resolved_by": STRING},
    "additionalProperties": False,
}
# PagerDuty/api-schema: POST /v2/enqueue; `payload` is for triggers.
PAGERDUTY = {
    "type": "object",
    "properties": {
        "routing_key": STRING,
        "event_action": {"enum": ["acknowledge", "resolve"]},
        "dedup_key": {**STRING, "maxLength": 255},
        "links": {
            "type": "array",
            "items": {"type": "object", "properties": {"href": STRING, "text": STRING}, "required": ["href"]},
        },
    },
    "required": ["routing_key", "event_action", "dedup_key"],
    "additionalProperties": False,
}


def said(asked: Asked, schema: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(asked.body)
    jsonschema.validate(body, schema)
    return body


def told(vendor: Vendor, schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(asked.method, asked.path, said(asked, schema)) for asked in vendor.asked if asked.method != "GET"]


@pytest.fixture
def sentry(vendor: Vendor) -> SentryApi:
    return SentryApi(url=vendor.url, token=TOKEN, organization="acme", assign_to="team:7")


ISSUE = "/api/0/organizations/acme/issues/42/"


def test_sentry_is_told_who_works_on_it_and_that_it_is_resolved(vendor: Vendor, sentry: SentryApi) -> None:
    sentry.began({"issue": "42"}, BEGAN)
    sentry.ended({"issue": "42"}, WELL)
    assert told(vendor, SENTRY) == [
        ("PUT", ISSUE, {"assignedTo": "team:7"}),
        ("POST", f"{ISSUE}comments/", {"text": f"It is worked on: {LINK}"}),
        ("PUT", ISSUE, {"status": "resolved"}),
        ("POST", f"{ISSUE}comments/", {"text": f"It is fixed. {LINK}"}),
    ]
    assert {asked.headers["Authorization"] for asked in vendor.asked} == {f"Bearer {TOKEN.get_secret_value()}"}


def test_sentry_leaves_an_issue_with_whoever_has_it(vendor: Vendor, sentry: SentryApi) -> None:
    vendor.paths[ISSUE] = Reply(body=b'{"id": "42", "assignedTo": {"type": "user", "id": "1", "name": "ada"}}')
    sentry.began({"issue": "42"}, BEGAN)
    assert [method for method, *_ in told(vendor, SENTRY)] == ["POST"]


def test_sentry_keeps_open_what_is_not_fixed(vendor: Vendor, sentry: SentryApi) -> None:
    sentry.ended({"issue": "42"}, UNCHANGED)
    assert told(vendor, SENTRY) == [("POST", f"{ISSUE}comments/", {"text": f"It is unchanged. {LINK}"})]


def test_a_comment_that_sentry_has_is_said_and_one_that_it_refuses_is_not(vendor: Vendor, sentry: SentryApi) -> None:
    vendor.paths[f"{ISSUE}comments/"] = Reply(status=400, body=json.dumps({"detail": POSTED_BEFORE}).encode())
    sentry.began({"issue": "42"}, BEGAN)
    vendor.paths[f"{ISSUE}comments/"] = Reply(status=400, body=b'{"text": ["This field may not be blank."]}')
    with pytest.raises(Refused):
        sentry.began({"issue": "42"}, BEGAN)


def test_an_issue_with_a_path_in_its_name_leads_nowhere_else(vendor: Vendor, sentry: SentryApi) -> None:
    sentry.ended({"issue": "../../../projects/acme/web/"}, UNCHANGED)
    [asked] = vendor.asked
    assert asked.path == "/api/0/organizations/acme/issues/..%2F..%2F..%2Fprojects%2Facme%2Fweb%2F/comments/"


def test_better_stack_is_told_and_what_it_knows_already_is_no_error(vendor: Vendor) -> None:
    api = BetterStackApi(url=vendor.url, token=TOKEN)
    vendor.replies = [Reply(status=409, body=b'{"errors":"Incident was already acknowledged"}'), Reply()]
    api.began({"incident": "11"}, BEGAN)
    api.ended({"incident": "11"}, WELL)
    assert told(vendor, BETTERSTACK) == [
        ("POST", "/api/v3/incidents/11/acknowledge", {"acknowledged_by": f"It is worked on: {LINK}"}),
        ("POST", "/api/v3/incidents/11/resolve", {"resolved_by": f"It is fixed. {LINK}"}),
    ]


def test_pagerduty_is_told_by_its_key_in_the_body(vendor: Vendor) -> None:
    api = PagerDutyApi(url=vendor.url, routing_key=TOKEN)
    api.began({"dedup_key": "srv01/mysql"}, BEGAN)
    api.ended({"dedup_key": "srv01/mysql"}, WELL)
    first, second = told(vendor, PAGERDUTY)
    key = TOKEN.get_secret_value()
    links = [{"href": LINK, "text": "It is worked on:"}]
    event = {"routing_key": key, "event_action": "acknowledge", "dedup_key": "srv01/mysql", "links": links}
    assert first == ("POST", "/v2/enqueue", event)
    assert second[2]["event_action"] == "resolve"


@pytest.mark.parametrize(
    ("api", "theirs"),
    [
        (lambda url: SentryApi(url=url, token=TOKEN, organization="acme"), {"issue": "42"}),
        (lambda url: BetterStackApi(url=url, token=TOKEN), {"incident": "11"}),
        (lambda url: PagerDutyApi(url=url, routing_key=TOKEN), {"dedup_key": "x"}),
    ],
)
@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (401, Refused), (429, CannotLook), (503, CannotLook)])
def test_a_refusal_is_a_sentence_without_the_secret(
    vendor: Vendor, api: Any, theirs: dict[str, str], status: int, kind: type[CannotLook]
) -> None:
    made: AlertingApi = api(vendor.url)
    vendor.replies = [Reply(status=status, body=json.dumps({"detail": TOKEN.get_secret_value()}).encode())]
    with pytest.raises(CannotLook) as caught:
        made.ended(theirs, WELL)
    assert isinstance(caught.value, kind)
    assert TOKEN.get_secret_value() not in f"{caught.value} {caught.value.says} {caught.value.remedy} {made!r}"
