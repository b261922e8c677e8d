"""Each source, over real HTTP and Postgres: what its alerts mean, and what they open."""

from __future__ import annotations

import base64

import pytest

from deployments.intake.delivery import read_json
from flows.journal.alerts import Kept
from flows.opening.alert import State
from runbooks.model import Severity
from tests.deployments.intake import said
from tests.deployments.intake.conftest import OLD_SECRET, SECRET, Served


def kept(served: Served) -> Kept:
    return served.journal.alerts.newest()[0]


def test_a_sentry_issue_opens_what_a_rule_says(served: Served) -> None:
    body = said.encoded(said.sentry_issue())
    answer = served.post("sentry", body, said.signed(body))
    assert answer.status_code == 200, answer.text
    assert answer.json()["replayed"] is False
    stored = kept(served)
    assert (stored.runbook, stored.environment, stored.service) == (
        "database/connections-exhausted",
        "production",
        "web",
    )
    assert (stored.state, stored.severity, stored.title) == ("firing", "P2", "OperationalError: no slot")
    assert stored.why == "Rule: source = 'sentry', title = 'OperationalError' → database/connections-exhausted"
    (waiting,) = served.journal.openings.waiting()
    assert (waiting.asked.actor, waiting.asked.reason) == ("alert:sentry", "sentry: OperationalError: no slot")


def test_the_secret_before_is_still_taken(served: Served) -> None:
    body = said.encoded(said.sentry_issue())
    assert served.post("sentry", body, said.signed(body, secret=OLD_SECRET)).status_code == 200


@pytest.mark.parametrize("action", ["resolved", "archived", "ignored"])
def test_a_sentry_issue_is_over_by_whatever_word(served: Served, action: str) -> None:
    (alert,) = served.source("sentry").alerts(said.sentry_issue(action=action))
    assert alert.state is State.RESOLVED


def test_sentry_says_nothing_by_assigning_or_commenting(served: Served) -> None:
    assert list(served.source("sentry").alerts(said.sentry_issue(action="assigned"))) == []
    comment = {"action": "created", "data": {"comment_id": 1, "issue_id": 2, "project_slug": "web", "comment": "Hm."}}
    assert list(served.source("sentry").alerts(comment)) == []


def test_a_sentry_rule_is_a_name_that_a_symptom_may_have(served: Served) -> None:
    body = said.encoded(said.sentry_event())
    served.post("sentry", body, said.signed(body))
    stored = kept(served)
    assert (stored.runbook, stored.environment) == ("database/connections-exhausted", "staging")
    assert stored.why == "Symptom: database/connections-exhausted names the alert 'PostgresDown'."


def test_sentry_metric_alerts_begin_and_end(served: Served) -> None:
    (begun,) = served.source("sentry").alerts(said.sentry_metric())
    (over,) = served.source("sentry").alerts(said.sentry_metric("resolved"))
    assert begun.fingerprint == over.fingerprint == "sentry:metric_alert:4"
    assert (begun.state, over.state) == (State.FIRING, State.RESOLVED)
    assert (begun.severity, begun.name, begun.service) == (Severity.P1, "Too many errors", "web")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("betterstack", {"authorization": f"Bearer {SECRET}"}),
        ("betterstack", {"authorization": f"Basic {base64.b64encode(f'better:{SECRET}'.encode()).decode()}"}),
        ("betterstack", {"x-incident-key": SECRET}),
        (f"betterstack/{SECRET}", {}),
    ],
)
def test_better_stack_gives_its_secret_by_any_of_four_ways(served: Served, path: str, headers: dict[str, str]) -> None:
    assert served.post(path, said.encoded(said.betterstack()), headers).status_code == 200
    assert kept(served).title == "shop.example: Status 500"


def test_a_slash_at_the_end_is_no_other_address(served: Served) -> None:
    answer = served.post(
        "alertmanager/", said.encoded(said.group(said.prometheus())), {"authorization": f"Bearer {SECRET}"}
    )
    assert (answer.status_code, answer.history) == (200, [])


def test_better_stack_has_one_problem_a_monitor_and_a_manual_incident_its_own(served: Served) -> None:
    source = served.source("betterstack")
    (begun,), (over,) = (source.alerts(said.betterstack(event)) for event in ("started", "resolved"))
    assert (begun.fingerprint, over.state) == (over.fingerprint, State.RESOLVED)
    (manual,) = source.alerts(said.betterstack(monitor=None))
    assert manual.fingerprint == "betterstack:incident:11"
    assert list(source.alerts(said.betterstack("acknowledged"))) == []


def test_each_alert_of_a_group_is_told_by_its_own_status(served: Served) -> None:
    two = said.group(said.prometheus(), said.prometheus(status="resolved", fingerprint="c3d4"), left_out=3)
    first, second = served.source("alertmanager").alerts(two)
    assert (first.state, second.state) == (State.FIRING, State.RESOLVED)
    assert (first.severity, first.service, first.environment) == (Severity.P0, "postgres", "staging")
    assert "left 3 alerts of this group out" in first.description


def test_what_nobody_claims_is_kept_with_the_nearest_pages(served: Served) -> None:
    answer = served.send("alertmanager", said.group(said.prometheus("PostgresLocksWaitForLong")))
    assert answer.json()["alerts"][0]["opening"] is None
    stored = kept(served)
    assert stored.runbook == ""
    assert stored.why.startswith("No rule fits, and no runbook names it among its symptoms. Nearest: database/")
    assert served.journal.openings.waiting() == []


def test_any_json_is_read_by_a_mapping(served: Served) -> None:
    jobs = [{"job": "nightly", "outcome": word, "message": "No space left"} for word in ("failed", "ok")]
    first, second = served.source("backup").alerts({"jobs": jobs})
    assert (first.fingerprint, first.name, first.severity) == ("backup:nightly", "BackupJob", Severity.P1)
    assert (first.state, second.state) == (State.FIRING, State.RESOLVED)


@pytest.mark.parametrize("name", ["sentry", "betterstack", "alertmanager", "backup"])
def test_its_own_sample_is_taken(served: Served, name: str) -> None:
    import time

    sample = served.source(name).sample(time.time())
    answer = served.post(name, sample.body, dict(sample.headers))
    assert answer.status_code == 200, answer.text
    assert len(list(served.source(name).alerts(read_json(sample.body)))) == len(answer.json()["alerts"]) == 1
