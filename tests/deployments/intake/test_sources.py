"""Each source, over real HTTP and Postgres: what its alerts mean, and what they open."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from deployments.intake.delivery import read_json
from deployments.intake.source import Sample, Source, signature
from flows.journal.alerts import Kept
from flows.opening.alert import State
from runbooks.model import Severity
from tests.deployments.intake import said
from tests.deployments.intake.conftest import OLD_SECRET, OLD_WHSEC, SECRET, SOURCES, Served


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


def test_grafana_groups_are_alertmanagers_with_its_own_addresses(served: Served) -> None:
    told = said.grafana(said.prometheus(), said.prometheus(status="resolved", fingerprint="c3d4"), left_out=2)
    first, second = served.source("grafana").alerts(told)
    assert (first.state, second.state, first.fingerprint) == (State.FIRING, State.RESOLVED, "grafana:a1b2")
    assert first.links == ("http://prometheus.example/graph", "https://grafana.example/d/1")
    assert "Grafana left 2 alerts of this group out" in first.description


@pytest.mark.parametrize(
    ("priority", "severity"), [("P1", Severity.P0), ("P3", Severity.P2), ("Odd", Severity.P1), (None, Severity.P1)]
)
def test_pagerduty_says_by_priority_or_else_by_urgency_how_bad_it_is(
    served: Served, priority: str | None, severity: Severity
) -> None:
    (begun,) = served.source("pagerduty").alerts(said.pagerduty(priority=priority))
    assert (begun.severity, begun.service, begun.name) == (severity, "API Service", "PostgresDown")


def test_pagerduty_has_one_problem_for_each_key_of_a_service(served: Served) -> None:
    source = served.source("pagerduty")
    (begun,) = source.alerts(said.pagerduty())
    (again,) = source.alerts(said.pagerduty("incident.reopened", number="PGR0VU3"))
    (over,) = source.alerts(said.pagerduty("incident.resolved"))
    assert begun.fingerprint == again.fingerprint == over.fingerprint == "pagerduty:PF9KMXH:d3640fbd"
    assert (again.state, over.state) == (State.FIRING, State.RESOLVED)
    for event in ("incident.acknowledged", "incident.escalated", "incident.priority_updated", "pagey.ping"):
        assert list(source.alerts(said.pagerduty(event))) == []


def test_pagerduty_signs_with_both_keys_while_one_is_rotated(served: Served) -> None:
    body = said.encoded(said.pagerduty())
    foreign, ours = (f"v1={signature(SecretStr(key), body)}" for key in ("nobody-knows-this-one", OLD_SECRET))
    for given, status in ((foreign, 401), (f"v2={ours[3:]}", 401), (ours[3:], 401), (f"{foreign},{ours}", 200)):
        assert served.post("pagerduty", body, {"x-pagerduty-signature": given}).status_code == status, given


def test_uptime_kuma_begins_and_ends_by_its_heartbeat(served: Served) -> None:
    source = served.source("uptime-kuma")
    (down,), (up,) = (source.alerts(said.kuma(status)) for status in (0, 1))
    assert (down.fingerprint, down.title, down.severity) == ("uptime-kuma:monitor:7", "shop: timeout", Severity.P0)
    assert (up.fingerprint, up.state, up.links) == (down.fingerprint, State.RESOLVED, ("https://shop.example",))
    assert [list(source.alerts(said.kuma(status))) for status in (2, 3)] == [[], []]


def test_uptime_kuma_says_of_a_certificate_no_more_than_a_sentence(served: Served) -> None:
    words = "[shop][https://shop.example] Certificate expires in 7 days"
    (alert,) = served.source("uptime-kuma").alerts({"heartbeat": None, "monitor": None, "msg": words})
    assert (alert.title, alert.state, alert.fingerprint) == (words, State.FIRING, f"uptime-kuma:message:{words}")


def test_healthchecks_goes_down_and_up_and_keeps_its_address_to_itself(served: Served) -> None:
    source = served.source("healthchecks")
    (down,), (up,) = (source.alerts(said.healthchecks(status)) for status in ("down", "up"))
    assert (down.title, down.service, down.state) == ("Nightly backup is down", "nightly-backup", State.FIRING)
    assert (up.fingerprint, up.state, up.tags) == (down.fingerprint, State.RESOLVED, {"prod": "yes", "db": "yes"})
    assert "hc.example" not in repr(down)


def test_sentrys_older_plugin_names_the_rule_that_fired(served: Served) -> None:
    body = said.encoded(said.sentry_legacy())
    assert served.post(f"sentry-legacy/{SECRET}", body).status_code == 200
    stored = kept(served)
    assert (stored.runbook, stored.service, stored.severity) == ("database/connections-exhausted", "git-tool", "P2")
    assert stored.title == "Test Error: went wrong"


def test_github_says_by_a_mapping_what_failed_and_by_its_other_events_nothing(served: Served) -> None:
    source = served.source("github")
    run = {"name": "deploy", "html_url": "https://github.example/1", "repository": {"full_name": "acme/web"}}
    for conclusion, state in (("failure", State.FIRING), ("success", State.RESOLVED)):
        told = {"action": "completed", "workflow_run": {**run, "conclusion": conclusion}}
        (alert,) = source.alerts(told)
        assert (alert.fingerprint, alert.state, alert.name) == ("github:acme/web/deploy", state, "deploy")
    assert list(source.alerts({"zen": "Keep it logically awesome.", "hook_id": 1})) == []
    assert list(source.alerts({"action": "requested", "workflow_run": {**run, "conclusion": None}})) == []


def test_standard_webhooks_are_taken_by_both_keys_and_not_by_what_is_no_signature(served: Served) -> None:
    body, at = b'{"type": "job.recovered", "data": {"job": "nightly"}}', datetime.now(UTC)
    right = Webhook(OLD_WHSEC).sign("msg_1", at, body.decode())
    foreign = Webhook("whsec_" + base64.b64encode(b"of-nobody").decode()).sign("msg_1", at, body.decode())
    head = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp()))}
    for given, status in (
        (foreign, 401),
        ("v1", 401),
        ("v1,%%%", 401),
        ("v1a,b64= v2,b64=", 401),
        (f"{foreign} {right}", 200),
    ):
        assert served.post("standard-webhooks", body, {**head, "webhook-signature": given}).status_code == status, given
    assert (kept(served).state, kept(served).title) == ("resolved", "nightly job.recovered")
    # Made again later, under the same id: signed anew, and nothing happens.
    assert served.post("standard-webhooks", body, {**head, "webhook-signature": right}).json()["replayed"] is True


def test_standard_webhooks_are_taken_in_svixs_spelling_and_not_in_two_that_disagree(served: Served) -> None:
    def spelled(sample: Sample, name: str) -> dict[str, str]:
        return {header.replace("webhook-", f"{name}-"): value for header, value in sample.headers.items()}

    source = served.source("standard-webhooks")
    sample, other = source.sample(time.time()), source.sample(time.time() - 1)
    for headers, status, replayed in (
        ({**spelled(sample, "svix"), **other.headers}, 401, None),
        ({**sample.headers, "svix-id": "msg_2"}, 401, None),
        (spelled(sample, "svix"), 200, False),
        ({**sample.headers, **spelled(sample, "svix")}, 200, True),
    ):
        answer = served.deliver("standard-webhooks", replace(sample, headers=headers))
        assert (answer.status_code, answer.json().get("replayed")) == (status, replayed)


def test_its_own_sample_is_taken(served: Served) -> None:
    for name in SOURCES:
        sample = served.source(name).sample(time.time())
        answer = served.deliver(name, sample)
        assert answer.status_code == 200, (name, answer.text)
        (alert,) = served.source(name).alerts(read_json(sample.body))
        assert alert.fingerprint.startswith(f"{name}:")
        assert [one["alert"] for one in answer.json()["alerts"]] == [kept(served).alert]


def test_no_kind_of_source_is_left_out_here(served: Served) -> None:
    assert {served.source(name).type for name in SOURCES} == set(Source.registry)
