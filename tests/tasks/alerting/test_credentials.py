"""Are our credentials taken? Each tool by a stand-in that answers as its documents say; nothing is posted anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from tasks.alertmanager.checks import check_alertmanager_answers
from tasks.alertmanager.system import AlertmanagerApi
from tasks.betterstack.checks import check_betterstack_token, check_heartbeats
from tasks.betterstack.system import BetterStackApi
from tasks.check import Check
from tasks.intake.checks import check_scheduler
from tasks.intake.system import AlertIntake
from tasks.model import CannotLook, Finding, Verdict
from tasks.pagerduty.checks import check_pagerduty_key
from tasks.pagerduty.system import PagerDutyApi
from tasks.sentry.checks import check_sentry_monitors, check_sentry_token
from tasks.sentry.system import SentryApi
from tasks.slack.checks import check_slack_token
from tasks.slack.system import SlackApi
from tasks.status_page.checks import check_status_page_reads
from tasks.status_page.system import StatusPage
from tests.tasks.alerting.test_hosted import PAGERDUTY
from tests.tasks.web.conftest import Reply, Vendor, vendor, waits

__all__ = ["vendor", "waits"]

TOKEN = SecretStr("a-token-that-nobody-else-may-read")
SCOPES = {"x-oauth-scopes": "chat:write,channels:read"}
# What asks, with which door, what it is answered when all is well, and what it asks for.
TOOLS: dict[str, tuple[Check[Any], Callable[[str], Any], Reply, str]] = {
    "sentry": (
        check_sentry_token,
        lambda url: SentryApi(url=url, token=TOKEN, organization="acme"),
        Reply(body=b"[]"),
        "GET /api/0/organizations/acme/issues/?limit=1&query=",
    ),
    "betterstack": (
        check_betterstack_token,
        lambda url: BetterStackApi(url=url, token=TOKEN),
        Reply(body=b'{"data": [], "pagination": {"next": null}}'),
        "GET /api/v3/incidents?per_page=1",
    ),
    "pagerduty": (
        check_pagerduty_key,
        lambda url: PagerDutyApi(url=url, routing_key=TOKEN),
        Reply(status=202, body=b'{"status": "success", "message": "Event processed"}'),
        "POST /v2/enqueue",
    ),
    "slack": (
        check_slack_token,
        lambda url: SlackApi(url=url, key=TOKEN),
        Reply(body=b'{"ok": true, "user": "incident", "team": "Acme"}', headers=SCOPES),
        "POST /api/auth.test",
    ),
    "alertmanager": (
        check_alertmanager_answers,
        lambda url: AlertmanagerApi(url=url, token=TOKEN),
        Reply(body=b'{"versionInfo": {"version": "0.27.0"}}'),
        "GET /api/v2/status",
    ),
}
# As each says no to a wrong token, and how that is said.
WRONG = {
    "sentry": (Reply(status=401, body=b'{"detail": "Invalid token"}'), "Sentry refuses us (401): “Invalid token”"),
    "betterstack": (
        Reply(status=401, body=b'{"errors": "Invalid Team API token."}'),
        "Better Stack does not know this token.",
    ),
    "pagerduty": (
        Reply(status=400, body=b'{"status": "invalid event", "errors": ["Invalid routing key"]}'),
        "PagerDuty takes no such event.",
    ),
    "slack": (Reply(body=b'{"ok": false, "error": "invalid_auth"}'), "Slack refuses our token: “invalid_auth”."),
    "alertmanager": (Reply(status=401), "What stands before Alertmanager refuses us (401)."),
}


def asked(tool: str, vendor: Vendor) -> Finding:
    check, door, *_ = TOOLS[tool]
    return check.fn(door(vendor.url))


@pytest.mark.parametrize("tool", TOOLS)
def test_a_token_that_is_taken_is_well_and_nothing_was_changed(vendor: Vendor, tool: str) -> None:
    *_, reply, line = TOOLS[tool]
    vendor.replies = [reply]
    assert asked(tool, vendor).verdict is Verdict.OK
    [seen] = vendor.asked
    assert f"{seen.method} {seen.path}" == line


@pytest.mark.parametrize("tool", TOOLS)
def test_a_wrong_token_is_bad_with_the_tools_own_words_and_what_to_change(vendor: Vendor, tool: str) -> None:
    reply, says = WRONG[tool]
    vendor.replies = [reply]
    found = asked(tool, vendor)
    assert (found.verdict, found.says) == (Verdict.BAD, says)
    assert found.remedy
    # And once it is right again, so is the answer.
    vendor.replies = [TOOLS[tool][2]]
    assert asked(tool, vendor).verdict is Verdict.OK


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_tool_in_trouble_has_not_refused_anything(vendor: Vendor, tool: str, status: int) -> None:
    vendor.replies = [Reply(status=status)]
    with pytest.raises(CannotLook):
        asked(tool, vendor)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_refusal_that_repeats_the_token_does_not_show_it(vendor: Vendor, tool: str) -> None:
    token = TOKEN.get_secret_value()
    body = {"detail": f"bad {token}", "errors": f"bad {token}", "ok": False, "error": f"bad {token}"}
    vendor.replies = [Reply(status=200 if tool == "slack" else 401, body=json.dumps(body).encode())]
    assert token not in f"{asked(tool, vendor)}"


def test_pagerduty_is_told_only_that_what_never_began_is_over(vendor: Vendor) -> None:
    vendor.replies = [TOOLS["pagerduty"][2]]
    asked("pagerduty", vendor)
    event = json.loads(vendor.asked[0].body)
    jsonschema.validate(event, PAGERDUTY)
    assert (event["event_action"], event["dedup_key"]) == (
        "resolve",
        "incident-pipelines/asks-whether-its-key-is-taken",
    )


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(body=b'{"ok": true}', headers={"x-oauth-scopes": "channels:read"}), "it has no chat:write"),
        (Reply(body=b"<html>ok</html>"), "Whoever answers is not Slack."),
        (Reply(body=b'{"ok": false, "error": "account_inactive"}'), "“account_inactive”"),
    ],
)
def test_slack_says_no_with_a_200(vendor: Vendor, reply: Reply, says: str) -> None:
    vendor.replies = [reply]
    found = asked("slack", vendor)
    assert found.verdict is Verdict.BAD
    assert says in found.says


def monitors(*statuses: str) -> Reply:
    places = [{"name": f"place{n}", "status": status, "isMuted": False} for n, status in enumerate(statuses)]
    return Reply(body=json.dumps([{"slug": "incident-watch", "isMuted": False, "environments": places}]).encode())


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((), Verdict.OK),
        (("ok", "active", "disabled"), Verdict.OK),
        (("ok", "error"), Verdict.WARN),
        (("a-new-word", "error"), Verdict.UNKNOWN),
        (("missed_checkin", "ok"), Verdict.BAD),
        (("timeout",), Verdict.BAD),
    ],
)
def test_schedules_at_sentry_are_judged_by_its_words(
    vendor: Vendor, statuses: tuple[str, ...], verdict: Verdict
) -> None:
    vendor.replies = [monitors(*statuses)]
    assert check_sentry_monitors.fn(SentryApi(url=vendor.url, token=TOKEN, organization="acme")).verdict is verdict


def test_what_is_muted_at_sentry_is_somebodys_decision(vendor: Vendor) -> None:
    muted = {"slug": "x", "isMuted": True, "environments": [{"name": "p", "status": "missed_checkin"}]}
    vendor.replies = [Reply(body=json.dumps([muted]).encode())]
    found = check_sentry_monitors.fn(SentryApi(url=vendor.url, token=TOKEN, organization="acme"))
    assert found.says == "All 0 schedules check in at Sentry."


def hearts(url: str | None, **beats: str) -> Reply:
    data = [{"id": "1", "type": "heartbeat", "attributes": {"name": n, "status": s}} for n, s in beats.items()]
    return Reply(body=json.dumps({"data": data, "pagination": {"next": url}}).encode())


def test_every_heartbeat_of_every_page_is_asked_about(vendor: Vendor) -> None:
    second = "/api/v2/heartbeats?page=2"
    vendor.paths = {
        "/api/v2/heartbeats": hearts(f"{vendor.url}{second}", backup="up", cron="paused"),
        second: hearts(None, ours="down"),
    }
    found = check_heartbeats.fn(BetterStackApi(url=vendor.url, token=TOKEN))
    assert (found.verdict, found.says) == (
        Verdict.BAD,
        "1 of 3 heartbeats at Better Stack do not beat: ours: down.",
    )
    vendor.paths[second] = hearts(None, ours="up")
    assert check_heartbeats.fn(BetterStackApi(url=vendor.url, token=TOKEN)).verdict is Verdict.OK


def test_a_status_page_that_is_none_is_bad_and_one_in_trouble_unknown(vendor: Vendor) -> None:
    page = StatusPage(url=vendor.url, components=("Database",))
    json_said = {"content-type": "application/json"}
    body = b'{"page": {"name": "Acme"}, "status": {"indicator": "major"}, "components": [%s]}'
    vendor.replies = [Reply(body=body % b'{"name": "Database", "status": "major_outage"}', headers=json_said)]
    # What it says is another question.
    assert check_status_page_reads.fn(page).verdict is Verdict.OK
    vendor.replies = [Reply(body=body % b'{"name": "Databases"}', headers=json_said)]
    found = check_status_page_reads.fn(page)
    assert (found.verdict, found.remedy) == (Verdict.BAD, "Did you mean 'Databases'?")
    vendor.replies = [Reply(body=b"<html></html>", headers={"content-type": "text/html"})]
    assert check_status_page_reads.fn(page).verdict is Verdict.BAD
    vendor.replies = [Reply(status=503)]
    with pytest.raises(CannotLook):
        check_status_page_reads.fn(page)


@pytest.mark.parametrize(
    ("clock", "verdict", "says"),
    [
        (
            {"troubles": [], "schedules": 9, "next_run": "2026-11-29T10:00:00Z"},
            Verdict.OK,
            "9 schedules are active, the next run begins 2026-11-29 10:00 UTC.",
        ),
        (
            {"troubles": [], "schedules": 0, "next_run": None},
            Verdict.WARN,
            "No schedule is active: nothing is watched, and nothing begins by itself.",
        ),
        (
            {
                "troubles": [{"title": "no worker takes runs", "says": "No worker has reported.", "remedy": "up"}],
                "schedules": 9,
                "next_run": None,
            },
            Verdict.BAD,
            "No worker has reported.",
        ),
    ],
)
def test_our_own_schedules_are_asked_about(vendor: Vendor, clock: object, verdict: Verdict, says: str) -> None:
    vendor.replies = [Reply(body=json.dumps(clock).encode())]
    found = check_scheduler.fn(AlertIntake(url=vendor.url, secret=TOKEN))
    assert (found.verdict, found.says) == (verdict, says)
