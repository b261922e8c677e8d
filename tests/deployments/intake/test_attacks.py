"""The attacker who found the address: nothing is believed without proof, and no refusal tells why."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote, urlsplit

import httpx
import pytest

from deployments.intake import server, service
from deployments.intake.delivery import LARGEST, Why
from deployments.intake.intake import Rates
from deployments.intake.source import Sample
from flows.journal.alerts import Kept
from tests.deployments.intake import said
from tests.deployments.intake.conftest import CONFIG, SECRET, SOURCES, Served
from tests.flows.hostile import HOSTILE

ISSUE = said.encoded(said.sentry_issue())
BEARER = {"authorization": f"Bearer {SECRET}"}


def refused(served: Served, why: Why, source: str = "sentry") -> None:
    assert served.intake.counts.refused[source, why] == 1
    assert served.journal.alerts.newest() == []


def headers(change: dict[str, str | None]) -> dict[str, str]:
    given: dict[str, str | None] = {**said.signed(ISSUE), **change}
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sentry-hook-signature": "0" * 64}, Why.UNPROVED),
        ({"sentry-hook-signature": ""}, Why.UNPROVED),
        ({"sentry-hook-signature": None}, Why.UNPROVED),
        ({"sentry-hook-signature": said.signed(b"another body")["sentry-hook-signature"]}, Why.UNPROVED),
        (said.signed(ISSUE, secret="some-other-secret-of-nobody"), Why.UNPROVED),
        (said.signed(ISSUE, at_s=time.time() - 3_600), Why.STALE),
        (said.signed(ISSUE, at_s=time.time() + 3_600), Why.STALE),
        ({"sentry-hook-timestamp": "yesterday"}, Why.STALE),
        ({"sentry-hook-timestamp": None}, Why.STALE),
    ],
)
def test_it_believes_no_signature_but_ours_of_this_body_now(
    served: Served, change: dict[str, str | None], why: Why
) -> None:
    answer = served.post("sentry", ISSUE, headers(change))
    assert (answer.status_code, answer.json()) == (401, {"detail": "refused"})
    refused(served, why)


def test_it_believes_no_signature_of_the_same_json_written_differently(served: Served) -> None:
    assert served.post("sentry", json.dumps(json.loads(ISSUE)).encode(), said.signed(ISSUE)).status_code == 401
    refused(served, Why.UNPROVED)


def test_a_replay_under_another_number_does_nothing(served: Served) -> None:
    served.post("sentry", ISSUE, said.signed(ISSUE))
    later = {**said.signed(ISSUE), "request-id": "f" * 32}
    assert served.post("sentry", ISSUE, later).json() == {"alerts": [], "replayed": True}


SIGNED = ("sentry", "grafana-signed", "pagerduty", "github", "standard-webhooks")
# Beside the proof; nothing depends on them.
FREE = ("content-type", "request-id", "sentry-hook-resource")


def stored(served: Served) -> list[Kept]:
    return served.journal.alerts.newest()


def proofs(sample: Sample) -> list[str]:
    return [name for name in sample.headers if name not in FREE]


def test_no_source_is_believed_without_each_part_of_its_proof(served: Served) -> None:
    for name in SOURCES:
        sample = served.source(name).sample(time.time())
        wrong = [replace(sample, key=other) for other in ("", f"{sample.key}x")] if sample.key else []
        for proof in proofs(sample):
            given = dict(sample.headers)
            value = given.pop(proof)
            wrong += [replace(sample, headers=given)]
            wrong += [replace(sample, headers={**given, proof: other}) for other in ("", value[:-4], f"x{value}")]
        assert wrong, name
        assert {served.deliver(name, one).status_code for one in wrong} == {401}, name
    assert stored(served) == []


def test_no_source_is_believed_that_says_two_things(served: Served) -> None:
    for name in SOURCES:
        sample = served.source(name).sample(time.time())
        for proof in proofs(sample):
            assert served.deliver(name, sample, also=[(proof, "v1=0")]).status_code == 401, (name, proof)
            after = {**sample.headers, proof.upper(): "v1=0"}
            assert served.deliver(name, replace(sample, headers=after)).status_code == 401, (name, proof)
    assert stored(served) == []


@pytest.mark.parametrize("name", SIGNED)
def test_no_signature_is_of_another_body_or_another_time_or_counts_twice(served: Served, name: str) -> None:
    source = served.source(name)
    sample = source.sample(time.time())
    other, written_anew = source.sample(time.time() + 1).body, json.dumps(json.loads(sample.body), indent=1).encode()
    for body in (other, written_anew, sample.body + b"\n", b""):
        assert served.deliver(name, replace(sample, body=body)).status_code == 401
    if any("timestamp" in header for header in sample.headers):
        for ago_s in (3_600, -3_600):
            assert served.deliver(name, source.sample(time.time() - ago_s)).status_code == 401
    assert stored(served) == []
    assert [served.deliver(name, sample).json()["replayed"] for _ in range(2)] == [False, True]
    assert len(stored(served)) == 1


def test_a_token_proves_who_sends_and_no_more(served: Served) -> None:
    """What it brings twice is said twice, and is one problem."""
    for name in SOURCES:
        assert served.source(name).proved_by_head is (name not in SIGNED)
    sample = served.source("grafana").sample(time.time())
    assert [served.deliver("grafana", sample).json()["replayed"] for _ in range(2)] == [False, False]


@pytest.mark.parametrize("given", [{}, {"authorization": "Bearer"}, {"authorization": f"Token {SECRET}"}])
def test_it_believes_no_token_but_ours(served: Served, given: dict[str, str]) -> None:
    assert served.post("alertmanager", said.encoded(said.group(said.prometheus())), given).status_code == 401
    refused(served, Why.UNPROVED, "alertmanager")


def test_it_answers_an_unknown_source_as_it_answers_a_wrong_secret(served: Served) -> None:
    unknown, wrong = (served.post(name, ISSUE, {}) for name in ("nobody", "sentry"))
    assert (unknown.status_code, unknown.json()) == (wrong.status_code, wrong.json())
    # A made-up name becomes no label.
    assert served.intake.counts.refused["", Why.UNKNOWN_SOURCE] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"\xff\xfe", 400),
        (b'{"alerts": NaN}', 400),
        (b'{"alerts": 1, "alerts": 2}', 400),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
        (b"[" * 100_000, 400),
        (b'{"alerts": [{"status": "firing"}]}', 400),
        (b'{"alerts": 7}', 400),
    ],
)
def test_it_keeps_nothing_of_what_it_cannot_read(served: Served, body: bytes, status: int) -> None:
    answer = served.post("alertmanager", body, BEARER)
    assert (answer.status_code, answer.json()) == (status, {"detail": "refused"})
    assert served.journal.alerts.newest() == []


def test_it_opens_nothing_compressed_and_reads_no_more_than_it_must(served: Served) -> None:
    packed = gzip.compress(b"0" * 10 * LARGEST)
    assert served.post("sentry", packed, {"content-encoding": "gzip"}).status_code == 415
    assert served.post("sentry", b"{}", {"content-type": "text/plain"}).status_code == 415
    assert served.post("alertmanager", b" " * (LARGEST + 1), BEARER).status_code == 413
    refused(served, Why.TOO_LARGE, "alertmanager")


def test_it_waits_for_no_slow_sender(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SENT_WITHIN_S", 0.5)
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as slow:
        slow.sendall(
            b"POST /alerts/sentry HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
    refused(served, Why.TOO_SLOW)


@pytest.mark.parametrize("sent", [b"", b"POST /alerts/sentry HTTP/1.1\r\nHost:"])
def test_it_keeps_no_connection_on_which_nobody_asks(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(server, "ASKS_WITHIN_S", 0.3)
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), timeout=60) as silent:
        silent.sendall(sent)
        assert silent.recv(100) == b""


def test_a_thousand_connections_keep_nobody_out(served: Served) -> None:
    # Both ends of each are in this process.
    server.open_files()
    place = urlsplit(served.url)
    with contextlib.ExitStack() as idle:
        for _ in range(1_000):
            idle.enter_context(socket.create_connection((place.hostname, place.port), timeout=60))
        assert served.send("alertmanager", said.group(said.prometheus())).status_code == 200


def test_it_reads_no_body_of_a_sender_who_proved_nothing(served: Served) -> None:
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), timeout=60) as stranger:
        head = b"POST /alerts/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        stranger.sendall(head + b"Content-Length: 1000000\r\n\r\n")
        assert stranger.recv(100).startswith(b"HTTP/1.1 401 ")


def test_its_metrics_are_for_whoever_has_their_secret(serve: Callable[..., Served]) -> None:
    served = serve()
    assert httpx.get(f"{served.url}/metrics", trust_env=False).status_code == 401
    served = serve(text=f'[alerts]\nmetrics_secret = "{SECRET}"\n{CONFIG}')
    served.send("alertmanager", said.group(said.prometheus()))
    assert httpx.get(f"{served.url}/metrics", trust_env=False).status_code == 401
    text = httpx.get(f"{served.url}/metrics", headers=BEARER, trust_env=False).text
    assert 'incident_alerts_opened_total{source="alertmanager"} 1.0' in text
    assert 'incident_alerts_refused_total{reason="no valid proof",source=""} 1.0' in text


def test_it_takes_so_many_of_one_source_in_a_second_and_no_stranger_uses_that_up(serve: Callable[..., Served]) -> None:
    served = serve(text=f"[alerts]\nmost_per_s = 2\n{CONFIG}")
    for _ in range(20):
        assert served.send("alertmanager", {}, secret="some-other-secret-of-nobody").status_code == 401
    answers = [served.send("alertmanager", said.group(said.prometheus())) for _ in range(20)]
    assert 429 in {one.status_code for one in answers}
    assert answers[0].status_code == 200


def test_a_rate_comes_back_with_time() -> None:
    clock = [0.0]
    rates = Rates(10.0, lambda: clock[0])
    assert [rates.admits("a") for _ in range(21)].count(True) == 20
    assert rates.admits("b")
    clock[0] += 1.0
    assert rates.admits("a")


def test_no_secret_of_a_path_or_header_is_in_a_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "guessed-secret-in-the-path"
    assert served.post(f"betterstack/{secret}", b"{}", {"x-incident-key": secret}).status_code == 401
    served.post(f"betterstack/{SECRET}", said.encoded(said.betterstack()))
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert ours == ["refused betterstack from 127.0.0.1: no valid proof"]


def test_it_loses_no_alert_for_what_is_no_text(served: Served) -> None:
    alert = said.prometheus(fingerprint="\0")
    alert["annotations"]["summary"] = "half \ud83d and \0"
    assert served.send("alertmanager", said.group(alert)).status_code == 200
    assert served.journal.alerts.newest()[0].title == "PostgresDown: half ? and \ufffd"


def test_it_tells_long_fingerprints_apart(served: Served) -> None:
    for end in ("a", "b"):
        served.send("alertmanager", said.group(said.prometheus(fingerprint="x" * 5_000 + end)))
    assert len(served.journal.openings.waiting()) == 2


def test_it_keeps_and_passes_on_nothing_that_the_environment_masks(serve: Callable[..., Served]) -> None:
    masked = '[environments.staging]\nkind = "staging"\nmask_emails = true\n[environments.staging.systems.postgres]\n'
    url = 'url = "postgresql://app:hunter2-of-the-shop@db/shop"'
    served = serve(text=CONFIG.replace('[environments.staging]\nkind = "staging"\n', f"{masked}{url}\n"))
    one = said.prometheus()
    one["annotations"] = {
        "summary": f"ana@example.com: hunter2-of-the-shop, {SECRET}",
        "description": "ana@example.com",
    }
    served.send("alertmanager", said.group(one))
    # The same alert again takes another way.
    served.send("alertmanager", said.group(one))
    (waiting,) = served.journal.openings.waiting()
    kept = [waiting.asked.reason, *(f"{each.title} {each.more}" for each in served.journal.alerts.newest())]
    assert len(kept) == 3
    for text in kept:
        assert "PostgresDown: a••••" in text
        assert not [secret for secret in ("ana@", "hunter2-of-the-shop", SECRET) if secret in text]


QUERY = "'; DROP TABLE incident.alerts; -- $(reboot) `reboot` {{ 7 * 7 }} %(x)s {0} [red]no[/red]"


@pytest.mark.parametrize("text", [QUERY, *HOSTILE])
def test_what_is_sent_is_kept_as_text_and_nothing_else(served: Served, text: str) -> None:
    alert = said.prometheus(fingerprint=text)
    alert["annotations"] = {"summary": text, "description": text, "runbook_url": f"javascript:{text}"}
    alert["labels"] |= {"job": text, "env": text, text: text}
    assert served.send("alertmanager", said.group(alert)).status_code == 200
    kept, asis = stored(served)[0], text.replace("\0", "\ufffd")
    assert (kept.title, kept.service, kept.environment) == (f"PostgresDown: {asis}", asis, "production")
    assert (kept.more["description"], kept.more["links"]) == (asis, ["http://prometheus.example/graph"])
    tags = kept.more["tags"]
    assert isinstance(tags, dict)
    assert tags[asis] == asis
    (waiting,) = served.journal.openings.waiting()
    assert waiting.asked.reason == f"alertmanager: PostgresDown: {asis}"


def test_nobody_writes_lines_of_their_own_into_the_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    line = "\r\n2026-11-28 intake - accepted everything\x1b[2J"
    for path in (quote(line), f"sentry/{quote(line)}", f"{quote(SECRET)}%00/x"):
        served.post(path, b"{}", {"user-agent": "\x1b[2J"})
    served.send("alertmanager", {"alerts": [{line: line}]})
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert ours == [
        "refused ? from 127.0.0.1: unknown source",
        "refused ? from 127.0.0.1: unknown source",
        "refused alertmanager from 127.0.0.1: unreadable: not as alertmanager documents it: KeyError",
    ]


def test_what_has_no_end_is_read_no_further_than_the_limit(served: Served) -> None:
    """20 MB in parts, whose length nobody said beforehand."""
    sent = []

    def parts() -> Iterator[bytes]:
        for _ in range(20):
            sent.append(1)
            yield b" " * 1_048_576

    head = {**BEARER, "content-type": "application/json"}
    with contextlib.suppress(httpx.WriteError):
        answer = served.client.post(f"{served.url}/alerts/alertmanager", content=parts(), headers=head)
        assert answer.status_code == 413
    refused(served, Why.TOO_LARGE, "alertmanager")
