"""Test alerts: signed as each source signs, sent to the real address, found in the record, and never an incident."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from deployments.intake.delivery import Why
from deployments.intake.marked import MARK, marked
from deployments.intake.source import SignedSource, Source
from runbooks.catalog import Catalog
from tests.deployments.intake import said
from tests.deployments.intake.conftest import ASKS, CONFIG, OLD_SECRET, SECRET, SOURCES, STATUS, WHSEC, Served
from tests.tasks.web.conftest import Reply, Vendor, vendor

__all__ = ["vendor"]

PRODUCTION = '[environments.production]\nkind = "staging"'
ASKED = {"authorization": f"Bearer {STATUS}"}


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve(text=ASKS + CONFIG)


def tried(served: Served, name: str) -> httpx.Response:
    return served.client.post(f"{served.url}/sources/{name}/test", headers=ASKED)


def standing(served: Served) -> dict[str, Any]:
    answer = served.client.get(f"{served.url}/sources", headers=ASKED)
    assert answer.status_code == 200
    return dict(answer.json())


def of(served: Served, name: str) -> dict[str, Any]:
    return next(one for one in standing(served)["sources"] if one["name"] == name)


def test_one_of_every_source_arrives_and_opens_nothing(served: Served) -> None:
    served.reached_at(served.url)
    for name in SOURCES:
        found = tried(served, name).json()
        assert (found["arrived"], found["status"]) == (True, 200), found
        (kept,) = served.journal.alerts.newest(1)
        assert (kept.alert, kept.source, kept.title) == (found["alert"], name, f"Test alert of {name}")
        assert (kept.state, kept.opening, kept.joined, kept.runbook) == ("resolved", None, False, "")
        assert 0 <= found["took_s"] < 60
    assert (served.opened, served.journal.openings.waiting(), served.journal.alerts.last()) == ([], [], {})
    assert len(served.journal.alerts.newest()) == len(SOURCES)
    assert not served.intake.counts.received


def resigned(source: Source, body: dict[str, Any]) -> Any:
    return source.proved(json.dumps(body).encode(), time.time())


def test_it_is_replay_safe(served: Served) -> None:
    for name in SOURCES:
        sample = marked(served.source(name), time.time())
        first, second = (served.deliver(name, sample).json() for _ in range(2))
        assert (first["replayed"], second["replayed"]) == (False, True), name
    assert len(served.journal.alerts.newest()) == len(SOURCES)


def test_one_of_yesterday_is_refused_and_opens_nothing(served: Served) -> None:
    for name in SOURCES:
        source = served.source(name)
        old = json.loads(marked(source, time.time() - 86_400).body)
        assert served.deliver(name, resigned(source, old)).status_code == 401, name
        assert served.intake.counts.refused[name, Why.STALE] == 1
    assert (served.journal.alerts.newest(), served.opened) == ([], [])


@pytest.mark.parametrize("mark", [True, None, [], {}, {"sent_ms": "now"}, {"sent_ms": 1.5, "proof": "x"}])
def test_a_mark_that_is_not_ours_silences_nothing(served: Served, mark: object) -> None:
    body = {**said.group(said.prometheus()), MARK: mark}
    assert served.send("alertmanager", body).json()["alerts"][0]["opening"] is not None


def test_a_mark_of_another_source_or_another_secret_silences_nothing(served: Served) -> None:
    for name in ("grafana", "sentry"):
        mark = json.loads(marked(served.source(name), time.time()).body)[MARK]
        body = {**said.group(said.prometheus(fingerprint=name)), MARK: mark}
        assert served.send("alertmanager", body).json()["alerts"][0]["opening"] is not None


def test_a_mark_by_the_secret_that_is_being_replaced_counts(served: Served) -> None:
    source = served.source("sentry")
    assert isinstance(source, SignedSource)
    before = source.model_copy(update={"secret": source.secret[1:]})
    assert before.secret[0].get_secret_value() == OLD_SECRET
    assert served.deliver("sentry", marked(before, time.time())).json()["alerts"][0]["opening"] is None


def test_an_address_that_refuses_it_is_told_with_what_may_be_wrong(served: Served, vendor: Vendor) -> None:
    vendor.replies = [Reply(status=401)]
    served.reached_at(vendor.url)
    found = tried(served, "sentry-legacy").json()
    assert (found["arrived"], found["status"], found["alert"]) == (False, 401, None)
    assert f"{vendor.url} answers 401: what was signed with the configured secret is not believed" in found["says"]
    assert SECRET not in str(found)
    [asked] = vendor.asked
    assert asked.path == f"/alerts/sentry-legacy/{SECRET}"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(), "the record has no test alert: somebody else answers there"),
        (Reply(status=302, headers={"Location": "/elsewhere"}), "a redirect: senders follow it without the body"),
        (Reply(status=502), "answers 502: senders are told the same"),
        (Reply(hangs_up=True), "cannot be read"),
    ],
)
def test_what_does_not_arrive_is_no_arrival(served: Served, vendor: Vendor, reply: Reply, says: str) -> None:
    vendor.replies = [reply]
    served.reached_at(vendor.url)
    found = tried(served, "alertmanager").json()
    assert not found["arrived"]
    assert says in found["says"]
    # It is the sender's to try again: a second one at once would only say the same.
    assert len(vendor.asked) == 1


def test_one_source_is_not_tried_again_at_once(served: Served) -> None:
    served.reached_at(served.url)
    answers = [tried(served, "alertmanager").status_code for _ in range(3)]
    assert answers[0] == 200
    assert 429 in answers
    assert tried(served, "betterstack").status_code == 200


def test_it_tells_when_each_sent_and_was_tested(served: Served) -> None:
    served.reached_at(served.url)
    assert (of(served, "sentry")["last"], of(served, "sentry")["tested"]) == (None, None)
    tried(served, "sentry")
    assert of(served, "sentry")["last"] is None
    assert of(served, "sentry")["tested"] is not None
    served.deliver("sentry")
    assert of(served, "sentry")["last"] is not None


def test_it_tells_what_was_refused_and_when(served: Served) -> None:
    body = said.encoded(said.sentry_issue())
    for _ in range(2):
        served.post("sentry", body, said.signed(body, secret="another-secret-than-that"))
    served.deliver("sentry")
    found = of(served, "sentry")
    [refused] = found["refused"]
    assert (refused["why"], refused["number"]) == (Why.UNPROVED, 2)
    # When it was refused, not when that was written down.
    assert refused["last"] < found["last"]
    served.post("nobody", body)
    assert [one["why"] for one in standing(served)["strangers"]] == [Why.UNKNOWN_SOURCE]


def test_it_tells_no_secret_and_how_to_compare_one(served: Served) -> None:
    told = standing(served)
    text = json.dumps(told)
    assert not [secret for secret in (SECRET, OLD_SECRET, WHSEC, STATUS) if secret in text]
    assert of(served, "sentry")["secret_is"] == "`secret` is the integration's client secret."
    assert [len(one) for one in of(served, "sentry")["fingerprints"]] == [8, 8]


@pytest.mark.parametrize("given", [{}, {"authorization": "Bearer"}, {"authorization": f"Bearer {SECRET}"}])
def test_it_tells_nothing_to_whoever_has_no_secret(served: Served, given: dict[str, str]) -> None:
    for answer in (
        served.client.get(f"{served.url}/sources", headers=given),
        served.client.post(f"{served.url}/sources/sentry/test", headers=given),
    ):
        assert (answer.status_code, answer.json()) == (401, {"detail": "refused"})
    assert served.journal.alerts.newest() == []
    assert not [name for name, _ in served.intake.counts.refused if name]


def test_nobody_is_told_where_no_secret_is_configured(serve: Callable[..., Served]) -> None:
    served = serve()
    assert served.client.get(f"{served.url}/sources", headers=ASKED).status_code == 401


def test_a_runbook_that_an_alert_has_opened_before_is_reached(serve: Callable[..., Served]) -> None:
    slug = "database/blocked-sessions"
    watches = [f"{slug}/{one.check.name}" for one in Catalog.load().get(slug).runbook.watched]
    systems = '[environments.production.systems.postgres]\nurl = "postgresql://monitor@127.0.0.1/app"\n'
    text = CONFIG.replace(PRODUCTION, f"{PRODUCTION}\npaused_watches = {watches}\n{systems}", 1)
    served = serve(text=ASKS + text)
    unreached = {one["runbook"] for one in standing(served)["unreached"]}
    assert slug in unreached
    alert = said.prometheus(name="PostgresBlockedSessions")
    del alert["labels"]["env"]
    served.send("alertmanager", said.group(alert))
    assert [one.runbook for one in served.journal.alerts.newest()] == [slug]
    assert {one["runbook"] for one in standing(served)["unreached"]} == unreached - {slug}
