"""New and rising issues at Sentry, its releases, and what is done about issues: exactly those that were approved."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from pydantic import SecretStr

from tasks.model import Json, Verdict
from tasks.requests.released import check_release_before_errors, check_release_before_slowness
from tasks.sentry.actions import AssignNewIssues, ResolveNewIssues
from tasks.sentry.checks import (
    check_sentry_monitors,
    check_sentry_new_issues,
    check_sentry_releases,
    check_sentry_rising_issues,
)
from tasks.sentry.system import SentryApi
from tests.tasks.alerting.test_hosted import SENTRY
from tests.tasks.requests.writing import access, hour
from tests.tasks.web.conftest import Asked, Reply, Vendor, vendor, waits

__all__ = ["vendor", "waits"]

BASE = "/api/0/organizations/acme/"


def row(number: int, *hours: int, **more: Any) -> dict[str, Any]:
    """An issue, as getsentry/sentry-api-schema@a589a26c describes one; `count` is a text there."""
    begin = int(time.time()) // 3600 * 3600 - 3600 * (len(hours) - 1)
    return {
        "id": str(number),
        "shortId": f"API-{number}",
        "title": f"TypeError: {number} is not a function",
        "culprit": "orders.show",
        "level": "error",
        "status": "unresolved",
        "project": {"id": "1", "slug": "api", "name": "api"},
        "firstSeen": "2026-11-29T14:03:10.000000Z",
        "count": "9999",
        "assignedTo": None,
        "permalink": f"https://acme.sentry.io/issues/{number}/",
        "stats": {"24h": [[begin + 3600 * n, events] for n, events in enumerate(hours)]},
        **more,
    }


class Pretend:
    """Sentry, with the issues it has; it takes what its published schema takes."""

    def __init__(self, vendor: Vendor, *issues: dict[str, Any]) -> None:
        self.issues = {one["id"]: one for one in issues}
        self.releases: list[dict[str, Any]] = []
        self.commits: list[dict[str, Any]] = []
        self.asked: list[Asked] = []
        self.refuses: Mapping[str, int] = {}
        vendor.reply_to = self.reply_to  # type: ignore[method-assign]
        self.api = SentryApi(
            url=vendor.url, token=SecretStr("a-token-of-the-organization"), organization="acme", assign_to="team:7"
        )

    def reply_to(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        path = urlsplit(asked.path).path.removeprefix(BASE)
        match [asked.method, *path.strip("/").split("/")]:
            case ["GET", "issues"]:
                return reply([one for one in self.issues.values() if one["status"] == "unresolved"])
            case ["GET", "issues", named] if named in self.issues:
                return reply(self.issues[named])
            case ["PUT", "issues", named] if named in self.issues:
                if named in self.refuses:
                    return Reply(status=self.refuses[named], body=b'{"detail": "no"}')
                told = json.loads(asked.body)
                jsonschema.validate(told, SENTRY)
                assigned = (
                    {"assignedTo": {"type": "team", "id": "7", "name": "on-call"}} if "assignedTo" in told else {}
                )
                self.issues[named] |= {**told, **assigned}
                return reply(self.issues[named])
            case ["GET", "releases"]:
                return reply(self.releases)
            case ["GET", "releases", _, "commits"]:
                return reply(self.commits)
        return Reply(status=404, body=b'{"detail": "The requested resource does not exist"}')

    @property
    def changed(self) -> list[tuple[str, dict[str, Any]]]:
        return [(one.path, json.loads(one.body)) for one in self.asked if one.method != "GET"]


def reply(body: Json) -> Reply:
    return Reply(body=json.dumps(body).encode())


@pytest.mark.parametrize(("events", "verdict"), [(1, Verdict.WARN), (49, Verdict.WARN), (50, Verdict.BAD)])
def test_it_judges_new_issues_by_the_one_with_most_events(vendor: Vendor, events: int, verdict: Verdict) -> None:
    sentry = Pretend(vendor, row(1, 0, 0, 1), row(2, 0, events - 1, 1))
    found = check_sentry_new_issues.fn(sentry.api)
    assert found.verdict is verdict
    query = parse_qs(urlsplit(sentry.asked[0].path).query)
    assert query["query"] == ["is:unresolved firstSeen:-1h"]
    assert query["sort"] == ["new"]


def test_it_says_what_is_new(vendor: Vendor) -> None:
    found = check_sentry_new_issues.fn(Pretend(vendor, row(1, 0, 1), row(2, 0, 80)).api)
    assert found.says == (
        "API-2 is new at Sentry, since 14:03 UTC, with 80 events (bad from 50): “TypeError: 2 is not a function” in "
        "orders.show; 1 more are new."
    )
    assert found.rows[1]["link"] == "https://acme.sentry.io/issues/2/"


def test_nothing_new_is_well(vendor: Vendor) -> None:
    assert check_sentry_new_issues.fn(Pretend(vendor).api).says == "Sentry saw no new issue within the hour."


@pytest.mark.parametrize(
    ("hours", "verdict"),
    [
        ((10, 10, 10, 10, 10, 10), Verdict.OK),
        ((10, 10, 10, 10, 29, 30), Verdict.OK),
        ((10, 10, 10, 10, 30, 30), Verdict.WARN),
        ((10, 10, 10, 10, 99, 100), Verdict.WARN),
        ((10, 10, 10, 10, 100, 100), Verdict.BAD),
        # Too few, however many times as many.
        ((0, 0, 0, 0, 9, 10), Verdict.OK),
        ((0, 0, 0, 0, 10, 10), Verdict.BAD),
        # One burst in the night does not make today's look usual.
        ((5, 5, 900, 5, 50, 50), Verdict.BAD),
    ],
)
def test_it_judges_a_known_issue_by_its_own_day(vendor: Vendor, hours: tuple[int, ...], verdict: Verdict) -> None:
    assert check_sentry_rising_issues.fn(Pretend(vendor, row(1, *hours)).api).verdict is verdict


def test_hostile_titles_are_shown_as_an_excerpt(vendor: Vendor) -> None:
    found = check_sentry_new_issues.fn(Pretend(vendor, row(1, 5, title="x\x1b[31m" + "y" * 5000)).api)
    assert "\x1b" not in found.says
    assert len(found.says) < 500


def test_what_is_no_list_is_not_no_issue(vendor: Vendor) -> None:
    vendor.replies = [Reply(body=b'{"detail": "proxy"}')]
    api = SentryApi(url=vendor.url, token=SecretStr("a-token-of-the-organization"), organization="acme")
    with pytest.raises(Exception, match="not as its documents say"):
        check_sentry_new_issues.fn(api)


def test_a_page_behind_the_last_is_not_asked_for(vendor: Vendor) -> None:
    """Sentry's Link header has a next page always; `results` says whether there is one."""
    link = f'<{vendor.url}{BASE}monitors/?cursor=0:100:0>; rel="next"; results="false"; cursor="0:100:0"'
    vendor.replies = [Reply(body=b"[]", headers={"Link": link})]
    api = SentryApi(url=vendor.url, token=SecretStr("a-token-of-the-organization"), organization="acme")
    assert check_sentry_monitors.fn(api).verdict is Verdict.OK
    assert len(vendor.asked) == 1


RELEASE = {"version": "web@1.2.3", "dateCreated": "2026-11-29T13:50:00Z", "dateReleased": None, "newGroups": 3,
           "commitCount": 2, "lastDeploy": {"id": "1", "environment": "production", "name": "",
           "dateFinished": "2026-11-29T14:01:00Z"}, "firstEvent": "2026-11-29T14:03:00Z"}  # fmt: skip


def test_it_tells_the_newest_release_with_its_new_issues_and_commits(vendor: Vendor) -> None:
    sentry = Pretend(vendor)
    sentry.releases = [{**RELEASE, "version": "web@1.2.2", "lastDeploy": None, "newGroups": 0}, RELEASE]
    sentry.commits = [{"id": "c0ffee12ab34cd", "message": "Show orders faster\n\nby not looking", "dateCreated": "…"}]
    found = check_sentry_releases.fn(sentry.api)
    assert found.verdict is Verdict.WARN
    assert found.says == (
        "web@1.2.3 was released last to production, 2026-11-29 14:01 UTC; 3 new issues began with it."
    )
    assert found.facts == {"commits": ["c0ffee12ab3… Show orders faster"]}


def test_no_release_is_not_a_good_one(vendor: Vendor) -> None:
    assert check_sentry_releases.fn(Pretend(vendor).api).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("before_s", "verdict"), [(60, Verdict.BAD), (2000, Verdict.OK)])
def test_a_release_right_before_the_errors_is_blamed(
    vendor: Vendor, tmp_path: Path, before_s: float, verdict: Verdict
) -> None:
    sentry = Pretend(vendor)
    at = datetime.fromtimestamp(time.time() - 600 - before_s, UTC).isoformat()
    sentry.releases = [{**RELEASE, "lastDeploy": None, "dateCreated": at}]
    logs = access(tmp_path / "a.log", hour(rate=2))
    found = check_release_before_errors.fn(logs, sentry.api)
    assert found.verdict is verdict
    assert "released, as Sentry has it" in found.says
    assert check_release_before_slowness.fn(logs, sentry.api).verdict is Verdict.OK


def test_it_resolves_exactly_what_was_approved(vendor: Vendor) -> None:
    sentry = Pretend(vendor, row(1, 5), row(2, 5))
    act = ResolveNewIssues()
    plan = act.plan(sentry.api)
    assert plan.commands[0].line == f'PUT {sentry.api.url}{BASE}issues/1/ {{"status": "resolved"}}'
    sentry.issues["3"] = row(3, 5)
    outcome = act.apply(sentry.api, plan)
    assert outcome.complete
    assert sentry.changed == [(f"{BASE}issues/{n}/", {"status": "resolved"}) for n in (1, 2)]
    assert act.applied(sentry.api, plan) is True


def test_what_changed_since_is_left_alone(vendor: Vendor) -> None:
    sentry = Pretend(vendor, row(1, 5), row(2, 5))
    act = ResolveNewIssues()
    plan = act.plan(sentry.api)
    sentry.issues["1"]["status"] = "ignored"
    outcome = act.apply(sentry.api, plan)
    assert not outcome.complete
    assert outcome.says == "1 of 2 issues changed. 1 were not, or may not have been: it is ignored by now."
    assert [path for path, _ in sentry.changed] == [f"{BASE}issues/2/"]
    assert outcome.not_done == [plan.commands[0].target]


def test_killed_half_way_it_goes_on_with_the_rest(vendor: Vendor) -> None:
    sentry = Pretend(vendor, row(1, 5), row(2, 5))
    act = ResolveNewIssues()
    plan = act.plan(sentry.api)
    sentry.issues["1"]["status"] = "resolved"  # and then the process died
    assert act.applied(sentry.api, plan) is False
    act.apply(sentry.api, plan)
    assert [path for path, _ in sentry.changed] == [f"{BASE}issues/2/"]
    assert act.applied(sentry.api, plan) is True


def test_one_that_is_refused_stops_no_other(vendor: Vendor) -> None:
    sentry = Pretend(vendor, row(1, 5), row(2, 5))
    sentry.refuses = {"1": 403}
    act = ResolveNewIssues()
    outcome = act.apply(sentry.api, act.plan(sentry.api))
    assert not outcome.complete
    assert sentry.issues["2"]["status"] == "resolved"
    assert "Sentry refuses us (403)" in outcome.says


def test_what_may_have_been_done_is_not_told_as_left_alone(vendor: Vendor) -> None:
    """The way back must reach it."""
    sentry = Pretend(vendor, row(1, 5), row(2, 5))
    sentry.refuses = {"1": 502}
    act = ResolveNewIssues()
    plan = act.plan(sentry.api)
    outcome = act.apply(sentry.api, plan)
    assert not outcome.complete
    assert outcome.not_done == []
    assert "Sentry answers 502" in outcome.says


def test_the_way_back_opens_those_again_and_no_others(vendor: Vendor) -> None:
    sentry = Pretend(vendor, row(1, 5), row(2, 5), row(3, 5, status="resolved"))
    act = ResolveNewIssues()
    plan = act.plan(sentry.api)
    outcome = act.apply(sentry.api, plan)
    back = act.undoing(plan, outcome)
    assert back is not None
    sentry.issues["2"]["status"] = "ignored"  # somebody decided otherwise meanwhile
    again = back.plan(sentry.api)
    assert [one.target["issue"] for one in again.commands] == ["1"]
    assert back.apply(sentry.api, again).complete
    assert {named: one["status"] for named, one in sentry.issues.items()} == {
        "1": "unresolved", "2": "ignored", "3": "resolved",
    }  # fmt: skip
    assert back.applied(sentry.api, again) is True


def test_it_hands_over_what_nobody_has(vendor: Vendor) -> None:
    ada = {"type": "user", "id": "1", "name": "ada"}
    sentry = Pretend(vendor, row(1, 5), row(2, 5, assignedTo=ada), row(3, 5))
    act = AssignNewIssues()
    plan = act.plan(sentry.api)
    assert plan.does == "Hand 2 new issues to team:7."
    sentry.issues["3"]["assignedTo"] = ada
    outcome = act.apply(sentry.api, plan)
    assert sentry.changed == [(f"{BASE}issues/1/", {"assignedTo": "team:7"})]
    assert outcome.says == "1 of 2 issues changed. 1 were not, or may not have been: ada has it by now."
    assert act.applied(sentry.api, plan) is True


def test_without_a_name_it_hands_over_nothing(vendor: Vendor) -> None:
    sentry = Pretend(vendor, row(1, 5))
    plan = AssignNewIssues().plan(sentry.api.model_copy(update={"assign_to": ""}))
    assert plan.commands == ()
    assert plan.does == "Nobody is named to hand them to: `assign_to` is empty."
