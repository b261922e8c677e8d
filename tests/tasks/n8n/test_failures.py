"""What failed and why: by recorded failures of the real n8n, and by many of the stand-in's."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.lab.n8n import FAILS, RECEIVER, SENDER, STORE, WRITER, Reply
from tasks.model import Verdict
from tasks.n8n import reading
from tasks.n8n.executions import failure
from tasks.n8n.executions.checks import (
    check_n8n_concurrency,
    check_n8n_crashed,
    check_n8n_failures,
    check_n8n_stuck,
)
from tasks.n8n.executions.failure import Failure, Kind
from tasks.n8n.executions.lately import MOST_PAGES, lately
from tasks.n8n.system import PAGE, N8n
from tests.tasks.n8n.conftest import StandIn

RECORDED: dict[str, Any] = json.loads((Path(__file__).with_name("samples") / "failed.json").read_text(encoding="utf-8"))
failures, crashed, stuck, concurrency = (
    check.fn for check in (check_n8n_failures, check_n8n_crashed, check_n8n_stuck, check_n8n_concurrency)
)


PART = "the node may have done a part of its work before it failed"
UNTOLD = "n8n does not tell for certain that nothing was done"


def read(name: str) -> Failure:
    return failure.read(reading.execution(RECORDED[name]), RECORDED[name])


@pytest.mark.parametrize(
    ("name", "kind", "node", "reason"),
    [
        ("unipile", Kind.UNIPILE, "Send by Unipile", "422"),
        ("claude", Kind.CLAUDE, "Ask Claude", "529"),
        ("database", Kind.DATABASE, "Insert lead", "ECONNREFUSED"),
        ("Answerer", Kind.WEBHOOK, "Answer", ""),
        ("responder", Kind.WEBHOOK, "Webhook", ""),
        ("Missing", Kind.CREDENTIAL, "Insert missing", ""),
        ("u401", Kind.REFUSED, "Call key", "401"),
        ("u429", Kind.LIMITED, "Call limit", "429"),
        ("u503", Kind.SERVER, "Call service", "503"),
        ("Multi", Kind.CLIENT, "Send three", "422"),
        ("urefused", Kind.UNREACHED, "Call closed", "ECONNREFUSED"),
        ("unoname", Kind.UNREACHED, "Call nobody", "ENOTFOUND"),
        ("utimeout", Kind.TIMEOUT, "Call slow", "ECONNABORTED"),
        ("code", Kind.OTHER, "Shape rows", ""),
    ],
)
def test_it_tells_the_class_and_the_node_of_recorded_failures(name: str, kind: Kind, node: str, reason: str) -> None:
    found = read(name)
    assert (found.kind, found.node, found.reason) == (kind, node, reason)


@pytest.mark.parametrize(
    "name", ["unipile", "claude", "database", "u401", "u429", "urefused", "unoname", "Answerer", "Missing"]
)
def test_it_retries_what_was_refused_for_certain(name: str) -> None:
    assert read(name).again == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("utimeout", "what it asked for may have been done (ECONNABORTED)"),
        ("u503", "what it asked for may have been done (503)"),
        # n8n begins with all three again: the two that were sent go out twice.
        ("Multi", "the node had 3 items, and those before the one that failed may have been done"),
        ("responder", "n8n tells of the webhook only, not of the node at which it failed"),
        ("crashed", failure.CUT_OFF),
        # It may have asked somebody before it threw.
        ("code", PART),
        ("Two steps", UNTOLD),
    ],
)
def test_it_does_not_retry_what_may_have_been_done(name: str, why: str) -> None:
    assert read(name).again == why


def told(name: str, like: str = "utimeout", kind: str = "n8n-nodes-base.httpRequest", **error: Any) -> Failure:
    """A recorded failure, of another node."""
    one = json.loads(json.dumps(RECORDED[like]))
    seen = one["data"]["resultData"]
    seen["error"] |= {**error, "node": {"name": name, "type": kind}}
    one["data"]["executionData"]["nodeExecutionStack"][0]["node"]["name"] = name
    return failure.read(reading.execution(one), one)


def asking(uri: str, method: str = "POST") -> dict[str, Any]:
    return {"request": {"method": method, "uri": uri}}


@pytest.mark.parametrize(
    ("host", "retried"),
    [
        ("api.anthropic.com", True),
        ("anthropic.com", True),
        ("mail.example.com", False),
        ("notanthropic.com", False),
        ("anthropic.com.example.com", False),
    ],
)
def test_what_asks_claude_is_known_by_whom_it_asks_and_not_by_its_name(host: str, retried: bool) -> None:
    found = told("Send Claude's answer", context=asking(f"https://{host}/v1/messages"))
    assert found.kind is Kind.CLAUDE
    assert found.retryable is retried


def test_a_get_that_got_no_answer_is_asked_again() -> None:
    assert told("Look", context=asking("https://api.example.com/x", "GET")).retryable
    assert not told("Look", context=asking("https://api.example.com/x", "DELETE")).retryable


@pytest.mark.parametrize(
    "kind",
    [
        "n8n-nodes-base.executeWorkflow",
        "n8n-nodes-base.code",
        "@n8n/n8n-nodes-langchain.agent",
        "@n8n/n8n-nodes-langchain.anthropic",
        "",
    ],
)
def test_what_does_several_things_is_not_retried_although_the_last_was_refused(kind: str) -> None:
    assert told("One node", like="u429", kind=kind).again == PART
    assert told("One node", like="u429").again == ""


@pytest.mark.parametrize("code", ["429", "404", "529", "ENOTFOUND", "EAI_AGAIN"])
def test_a_plain_no_is_certain(code: str) -> None:
    assert told("Send", httpCode=code).retryable


@pytest.mark.parametrize("code", [None, "408", "500", "599", "200", "302", "4290", "EPIPE", "EUNKNOWN", "x"])
def test_what_is_no_plain_no_is_not_certain(code: str | None) -> None:
    assert not told("Send", httpCode=code, message="Something went wrong", messages=[]).retryable


def test_of_a_node_without_its_items_nobody_knows_how_many_were_done() -> None:
    one = json.loads(json.dumps(RECORDED["u429"]))
    one["data"]["executionData"]["nodeExecutionStack"] = []
    assert failure.read(reading.execution(one), one).again == "n8n does not tell how many items the node had"


def test_it_takes_nothing_from_what_crashed() -> None:
    found = read("crashed")
    assert RECORDED["crashed"]["data"]["resultData"]["lastNodeExecuted"] == "Call long"
    assert (found.kind, found.node, found.reason, found.done_before) == (Kind.CRASHED, "", "", "")
    # Nor where a version calls it an error.
    as_error = {**RECORDED["crashed"], "status": "error"}
    assert failure.read(reading.execution(as_error), as_error).kind is Kind.CRASHED


def test_it_says_what_was_done_before_the_failed_node() -> None:
    assert read("Two steps").done_before == "Webhook ×1, First send ×1"


def test_it_shows_no_mail_address_and_nothing_that_was_sent() -> None:
    assert read("code").says == "boom p…@example.com [line 1]"
    assert "isArtificial" not in str(read("crashed"))


def hostile() -> list[Any]:
    error = {"name": "NodeApiError", "httpCode": ["401"], "message": {"a": 1}, "node": [], "context": "no"}
    there = {"request": {"uri": "http://[x/", "method": 1}}
    return [
        None, {}, {"data": []}, {"data": {"resultData": {"error": {"message": "no", "context": there}}}},
        {"data": {"resultData": {"error": "text"}}}, {"data": {"resultData": {"error": error}}},
        {"data": {"resultData": {"error": {"message": "x" * 100_000, "httpCode": "9" * 1000}, "runData": {"n": [1]}},
                  "executionData": {"nodeExecutionStack": [7, {"node": "n"}]}}},
        {"dataTooLargeToDisplay": True},
    ]  # fmt: skip


@pytest.mark.parametrize("told", hostile())
def test_it_reads_whatever_comes_and_retries_nothing_it_does_not_understand(told: Any) -> None:
    run = reading.execution({"id": "1", "workflowId": "w", "status": "error"})
    found = failure.read(run, told)
    assert len(found.says) <= 2 * reading.LONGEST_TEXT + 4
    assert not found.retryable


def fail(standin: StandIn, name: str, times: int = 1, **more: Any) -> list[str]:
    engine = standin.engine
    return [str(engine.add(standin.of(name), "error", **more)["id"]) for _ in range(times)]


def test_nothing_failed(n8n: N8n) -> None:
    found = failures(n8n)
    assert found.verdict is Verdict.OK
    assert found.says == "No run failed in the last hour; 4 succeeded."


def test_one_failed_run_of_each_class_is_told_apart(standin: StandIn, n8n: N8n) -> None:
    standin.tell(failed="now")
    found = failures(n8n)
    assert found.verdict is Verdict.WARN
    assert found.facts["by_class"] == {"Unipile": 1, "Claude": 1, "webhook": 1, "database": 1}
    assert {row["workflow"] for row in found.rows} == set(FAILS)
    assert found.says.endswith("Isolated.")


def test_one_class_in_three_workflows_is_systematic(
    standin: StandIn, n8n: N8n, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = dict.fromkeys(FAILS, FAILS[STORE])
    monkeypatch.setattr("deployments.lab.n8n.FAILS", same)
    for one in standin.engine.state["workflows"].values():
        one["nodes"][-1] |= {"name": "Insert lead", "type": "n8n-nodes-base.postgres"}
    for name in (SENDER, WRITER, STORE):
        fail(standin, name)
    found = failures(n8n)
    assert found.verdict is Verdict.BAD
    assert found.facts["systematic"] is True
    assert "Systematic: database fails in 3 workflows." in found.says


def test_two_workflows_are_isolated(standin: StandIn, n8n: N8n) -> None:
    fail(standin, SENDER)
    fail(standin, WRITER)
    assert failures(n8n).facts["systematic"] is False


@pytest.mark.parametrize(("times", "verdict"), [(1, Verdict.WARN), (4, Verdict.WARN), (5, Verdict.BAD)])
def test_half_of_five_runs_is_systematic(standin: StandIn, n8n: N8n, times: int, verdict: Verdict) -> None:
    fail(standin, SENDER, times)
    assert failures(n8n).verdict is verdict


def test_what_a_retry_made_good_is_no_failure_any_more(standin: StandIn, n8n: N8n) -> None:
    (name,) = fail(standin, SENDER)
    n8n.retry(name)
    found = failures(n8n)
    assert found.verdict is Verdict.OK
    assert "1 that a retry made good" in found.says


def test_of_a_retry_that_failed_the_retry_counts_and_not_both(standin: StandIn, n8n: N8n) -> None:
    (name,) = fail(standin, SENDER)
    (again,) = fail(standin, SENDER, mode="retry", retryOf=name)
    assert [run.id for run in lately(n8n).open] == [again]
    # n8n marks the retry only; the run it was made from still looks failed.
    n8n.retry(again)
    assert lately(n8n).open == ()


def test_what_is_being_retried_is_not_open(standin: StandIn, n8n: N8n) -> None:
    (name,) = fail(standin, SENDER)
    standin.engine.add(standin.of(SENDER), "running", mode="retry", retryOf=name)
    assert lately(n8n).open == ()


def test_what_failed_before_the_last_hour_is_left_out(standin: StandIn, n8n: N8n) -> None:
    old = (datetime.now(UTC) - timedelta(minutes=61)).isoformat()
    fail(standin, SENDER, startedAt=old, stoppedAt=old)
    assert failures(n8n).verdict is Verdict.OK
    # By when it ended: one that began long ago and failed just now counts.
    fail(standin, SENDER, startedAt=old)
    assert failures(n8n).value == 1


def test_it_says_since_when_and_how_it_went_on(standin: StandIn, n8n: N8n) -> None:
    for minutes in (2, 12, 13, 59):
        at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
        fail(standin, SENDER, startedAt=at, stoppedAt=at)
    found = failures(n8n)
    assert found.facts["by_5_minutes"] == "1 0 0 0 0 0 0 0 0 2 0 1"
    assert ", the first at " in found.says


def test_crashed_ones_are_asked_for_by_their_own_state(standin: StandIn, n8n: N8n) -> None:
    standin.engine.add(standin.of(SENDER), "crashed")
    assert failures(n8n).verdict is Verdict.OK
    found = crashed(n8n)
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("1 runs were cut off in the last hour, of Unipile Sender:")


def test_running_ones_are_asked_for_by_their_own_state(standin: StandIn, n8n: N8n) -> None:
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    standin.engine.add(standin.of(RECEIVER), "running", startedAt=long_ago)
    found = stuck(n8n)
    assert found.verdict is Verdict.BAD
    assert [row["workflow"] for row in found.rows] == [RECEIVER]


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(-60, Verdict.OK), (14, Verdict.OK), (16, Verdict.WARN), (61, Verdict.BAD)]
)
def test_what_waits_is_stuck_only_past_its_time(standin: StandIn, n8n: N8n, minutes: int, verdict: Verdict) -> None:
    due = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    long_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    standin.engine.add(standin.of(SENDER), "waiting", startedAt=long_ago, stoppedAt=long_ago, waitTill=due)
    assert stuck(n8n).verdict is verdict


def test_what_is_queued_means_that_the_limit_is_reached(standin: StandIn) -> None:
    assert concurrency(standin.door(concurrency=2)).verdict is Verdict.OK
    standin.engine.add(standin.of(SENDER), "running")
    assert concurrency(standin.door(concurrency=2)).says == "1 of 2 runs go on at once."
    standin.engine.add(standin.of(SENDER), "new")
    assert concurrency(standin.door()).verdict is Verdict.BAD
    assert "1 wait for a place, and so do those who called them" in concurrency(standin.door()).says


def test_a_hundred_thousand_failures_are_no_more_work_than_five_hundred(
    standin: StandIn, n8n: N8n, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, asked = standin.engine, list[str]()
    of, now = standin.of(SENDER), datetime.now(UTC).isoformat()
    one = {**engine.add(of, "error"), "startedAt": now, "stoppedAt": now}
    engine.state["runs"] = [{**one, "id": str(number)} for number in range(1, 100_001)]
    monkeypatch.setattr(engine, "_go_on", lambda: None)
    answer = engine.answer

    def heard(method: str, target: str, key: str, body: bytes) -> Reply:
        asked.append(target)
        return answer(method, target, key, body)

    monkeypatch.setattr(engine, "answer", heard)
    tracemalloc.start()
    found = failures(n8n)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.says.startswith(f"At least {MOST_PAGES * PAGE:,} runs failed in the last hour (bad from 10)")
    assert found.facts["all_counted"] is False
    assert len([path for path in asked if "status=error" in path]) == MOST_PAGES
    assert len(asked) < 30
    assert most < 200 * 2**20
