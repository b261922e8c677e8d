"""What is done about n8n: exactly what was shown, never twice, and taken back where there is a way."""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployments.lab.n8n import FAILS, RECEIVER, SENDER, STORE, WRITER, Reply
from tasks.model import Plan, Refused, Verdict
from tasks.n8n.executions.actions import MOST_AT_ONCE, RetryFailed, StopStuck
from tasks.n8n.executions.checks import check_n8n_failures
from tasks.n8n.instance.actions import RestartN8n, RestartSilentN8n
from tasks.n8n.system import N8n
from tasks.n8n.workflows.actions import DeactivateAgain, Reactivate
from tasks.n8n.workflows.checks import check_n8n_active, check_n8n_credentials, check_n8n_last_runs
from tasks.n8n.workflows.faults import DeactivateWorkflow
from tests.tasks.n8n.conftest import StandIn

retry, stop, reactivate = RetryFailed(), StopStuck(), Reactivate()
active, last_runs, credentials = check_n8n_active.fn, check_n8n_last_runs.fn, check_n8n_credentials.fn


def state(standin: StandIn, name: str) -> str:
    return next(str(run["status"]) for run in standin.engine.state["runs"] if run["id"] == name)


def made_from(standin: StandIn, name: str) -> list[str]:
    return [str(run["id"]) for run in standin.engine.state["runs"] if run["retryOf"] == name]


def fail(standin: StandIn, name: str, **more: Any) -> str:
    return str(standin.engine.add(standin.of(name), "error", **more)["id"])


def targets(plan: Plan) -> list[str]:
    return [str(planned.target["execution"]) for planned in plan.commands]


def test_it_plans_each_failed_run_with_its_workflow_node_and_class(standin: StandIn, n8n: N8n) -> None:
    name = fail(standin, SENDER)
    plan = retry.plan(n8n)
    assert [planned.line for planned in plan.commands] == [
        f"POST /api/v1/executions/{name}/retry  # Unipile Sender: Send by Unipile, Unipile"
    ]
    assert str(plan.blast_radius) == "1 of 1 failed runs"
    assert plan.evidence[0]["done before it"] == "Webhook ×1"
    assert "cannot be called back" in plan.loses


def test_it_retries_exactly_those_and_a_second_time_none(standin: StandIn, n8n: N8n) -> None:
    name, came = fail(standin, SENDER), ""
    plan = retry.plan(n8n)
    came = fail(standin, WRITER)
    assert retry.applied(n8n, plan) is False
    outcome = retry.apply(n8n, plan)
    assert outcome.complete
    assert outcome.says == "1 of 1 retried runs succeeded; 0 were not retried."
    assert (len(made_from(standin, name)), made_from(standin, came)) == (1, [])
    assert retry.applied(n8n, plan) is True
    # n8n itself would do it again.
    again = retry.apply(n8n, plan)
    assert [row["became"] for row in again.rows] == ["retried by somebody else"]
    assert len(made_from(standin, name)) == 1
    assert targets(retry.plan(n8n)) == [came]


def test_it_leaves_alone_what_crashed_and_says_so(standin: StandIn, n8n: N8n) -> None:
    crashed = str(standin.engine.add(standin.of(SENDER), "crashed")["id"])
    assert retry.plan(n8n).commands == ()
    fail(standin, SENDER)
    assert crashed not in targets(retry.plan(n8n))


@pytest.mark.parametrize("code", ["ECONNABORTED", "ETIMEDOUT", "500", "504"])
def test_it_leaves_alone_a_send_that_may_have_gone_out(
    standin: StandIn, n8n: N8n, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    node, kind, error = FAILS[SENDER]
    monkeypatch.setitem(FAILS, SENDER, (node, kind, {**error, "httpCode": code}))
    fail(standin, SENDER)
    plan = retry.plan(n8n)
    assert plan.commands == ()
    assert plan.does == "No run can be retried. 1 are left alone: a retry may do something twice."
    assert plan.evidence[0]["left alone because"] == f"what it asked for may have been done ({code})"


def test_of_a_chain_of_retries_only_the_last_is_retried(standin: StandIn, n8n: N8n) -> None:
    first = fail(standin, SENDER)
    second = fail(standin, SENDER, mode="retry", retryOf=first)
    plan = retry.plan(n8n)
    assert targets(plan) == [second]
    retry.apply(n8n, plan)
    assert retry.plan(n8n).commands == ()
    assert made_from(standin, first) == [second]


def test_it_asks_about_fifty_at_once_the_oldest_first(standin: StandIn, n8n: N8n) -> None:
    names = [fail(standin, SENDER) for _ in range(MOST_AT_ONCE + 3)]
    plan = retry.plan(n8n)
    assert targets(plan) == names[:MOST_AT_ONCE]
    assert "3 more come in a round of their own" in plan.does


def test_it_narrows_to_what_is_still_there(standin: StandIn, n8n: N8n) -> None:
    """Each command stands for itself: what somebody else has retried is left, the rest is done."""
    one, other = fail(standin, SENDER), fail(standin, WRITER)
    plan = retry.plan(n8n)
    n8n.retry(one)
    assert not retry.plan(n8n).exceeds(plan)
    outcome = retry.apply(n8n, plan)
    assert [row["execution"] for row in outcome.not_done] == [one]
    assert outcome.done_of(plan).commands[0].target["execution"] == other
    assert len(made_from(standin, one)) == 1


def test_a_retry_that_is_not_told_in_time_goes_on_and_is_not_made_again(
    standin: StandIn, n8n: N8n, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = fail(standin, SENDER)
    plan = retry.plan(n8n)

    over, answer = threading.Event(), standin.engine.answer

    def hangs(method: str, target: str, key: str, body: bytes) -> Reply:
        if not target.endswith("/retry"):
            return answer(method, target, key, body)
        standin.engine.add(standin.of(SENDER), "running", mode="retry", retryOf=name)
        over.wait(60)
        return 200, {}

    monkeypatch.setattr(standin.engine, "answer", hangs)
    n8n = standin.door(timeout_s=5)
    outcome = retry.apply(n8n, plan)
    assert str(outcome.rows[0]["became"]).startswith("goes on as ")
    assert (outcome.complete, outcome.not_done) == (True, [])
    assert retry.applied(n8n, plan) is True
    over.set()
    retry.apply(n8n, plan)
    assert len(made_from(standin, name)) == 1


def test_what_n8n_does_not_retry_is_told(standin: StandIn, n8n: N8n) -> None:
    name = fail(standin, SENDER)
    plan = retry.plan(n8n)
    standin.engine.state["runs"] = [run for run in standin.engine.state["runs"] if run["id"] != name]
    outcome = retry.apply(n8n, plan)
    assert not outcome.complete
    assert "no" in str(outcome.rows[0]["became"]).lower()
    assert [row["execution"] for row in outcome.not_done] == [name]


def test_it_stops_exactly_those_that_run_too_long(standin: StandIn, n8n: N8n) -> None:
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    old = str(standin.engine.add(standin.of(SENDER), "running", startedAt=long_ago)["id"])
    young = str(standin.engine.add(standin.of(SENDER), "running")["id"])
    waits = str(standin.engine.add(standin.of(SENDER), "waiting", startedAt=long_ago)["id"])
    plan = stop.plan(n8n)
    assert targets(plan) == [old]
    assert str(plan.blast_radius) == "1 of 2 runs that go on"
    assert stop.applied(n8n, plan) is False
    stop.apply(n8n, plan)
    assert [state(standin, name) for name in (old, young, waits)] == ["canceled", "running", "waiting"]
    assert stop.applied(n8n, plan) is True
    assert stop.apply(n8n, plan).says == "Stopped 0 runs; 1 had ended already."


def test_it_activates_exactly_the_expected_and_takes_that_back(standin: StandIn, n8n: N8n) -> None:
    known = standin.engine.state["workflows"]
    door = standin.door(expected={SENDER: 900, standin.of(WRITER): 900, RECEIVER: 900})
    for name in (SENDER, WRITER, STORE):
        known[standin.of(name)]["active"] = False
    found = active(door)
    assert found.verdict is Verdict.BAD
    assert found.says == f"2 of 3 expected workflows cannot run: {SENDER!r} is not active; " + (
        f"{standin.of(WRITER)!r} is not active."
    )
    plan = reactivate.plan(door)
    assert [planned.target["workflow"] for planned in plan.commands] == [standin.of(SENDER), standin.of(WRITER)]
    # Somebody else is quicker with one of them: that one is not ours to switch back.
    door.switch(standin.of(WRITER), on=True)
    outcome = reactivate.apply(door, plan)
    assert outcome.complete
    assert reactivate.applied(door, plan) is True
    assert not known[standin.of(STORE)]["active"]
    assert active(door).says == "All 3 expected workflows are active."
    back = reactivate.undoing(plan, outcome)
    assert isinstance(back, DeactivateAgain)
    back_plan = back.plan(door)
    back.apply(door, back_plan)
    assert back.applied(door, back_plan) is True
    assert [known[standin.of(name)]["active"] for name in (SENDER, WRITER)] == [False, True]
    assert back.plan(door).commands == ()


def test_what_is_archived_or_gone_is_told_and_not_touched(standin: StandIn) -> None:
    standin.engine.state["workflows"][standin.of(SENDER)] |= {"active": False, "isArchived": True}
    door = standin.door(expected={SENDER: 900, "Long Gone": 900})
    assert {row["is"] for row in active(door).rows} == {"is archived", "is not there"}
    plan = reactivate.plan(door)
    assert plan.commands == ()
    assert f"Not from here: {SENDER!r}, 'Long Gone', archived or gone." in plan.does


def test_nobody_said_which_workflows_are_expected(standin: StandIn) -> None:
    with pytest.raises(Refused, match="Nobody has said") as refused:
        active(standin.door(expected={}))
    assert f'"{SENDER}" = 900' in refused.value.remedy


def quiet(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs by itself any more."""
    monkeypatch.setattr("deployments.lab.n8n.RUNS_EVERY_S", float("inf"))
    standin.engine.state["runs"].clear()


def aged(minutes: float) -> dict[str, str]:
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    return {"startedAt": at, "stoppedAt": at}


@pytest.mark.parametrize(
    ("minutes", "verdict"),
    [(1, Verdict.OK), (10, Verdict.OK), (11, Verdict.WARN), (14, Verdict.WARN), (16, Verdict.BAD)],
)
def test_it_judges_the_last_success(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, minutes: int, verdict: Verdict
) -> None:
    quiet(standin, monkeypatch)
    standin.engine.add(standin.of(SENDER), "success", **aged(minutes))
    assert last_runs(standin.door(expected={SENDER: 900})).verdict is verdict


def test_one_that_never_ran_is_missed(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(standin, monkeypatch)
    standin.engine.state["workflows"][standin.of(SENDER)]["createdAt"] = aged(20)["startedAt"]
    found = last_runs(standin.door(expected={SENDER: 900}))
    assert found.verdict is Verdict.BAD
    assert found.says == (
        f"1 of 1 expected workflows did not succeed lately: {SENDER!r} never, 20 min (allowed: 15 min; n8n knows of no "
        "run of it)."
    )


def test_one_that_was_made_just_now_has_its_time(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(standin, monkeypatch)
    assert last_runs(standin.door(expected={SENDER: 900})).verdict is Verdict.OK


def test_one_that_always_fails_is_missed(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(standin, monkeypatch)
    standin.engine.add(standin.of(SENDER), "success", **aged(120))
    for minutes in range(119, 0, -1):
        standin.engine.add(standin.of(SENDER), "error", **aged(minutes))
    found = last_runs(standin.door(expected={SENDER: 900}))
    assert found.verdict is Verdict.BAD
    assert "it runs and fails" in found.says


def test_one_that_only_runs_on_is_missed(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(standin, monkeypatch)
    standin.engine.add(standin.of(SENDER), "success", **aged(120))
    standin.engine.add(standin.of(SENDER), "running", startedAt=aged(60)["startedAt"])
    assert "it runs and does not end" in last_runs(standin.door(expected={SENDER: 900})).says


def test_where_n8n_forgets_successes_nobody_can_say(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(standin, monkeypatch)
    standin.engine.state["workflows"][standin.of(SENDER)]["settings"]["saveDataSuccessExecution"] = "none"
    found = last_runs(standin.door(expected={SENDER: 900}))
    assert found.verdict is Verdict.UNKNOWN
    assert "forgets the successes" in found.says


def test_a_missing_credential_is_found_before_its_node_runs(standin: StandIn, n8n: N8n) -> None:
    assert credentials(n8n).verdict is Verdict.OK
    standin.engine.state["workflows"][standin.of(STORE)]["nodes"][-1]["credentials"]["postgres"]["id"] = "gone"
    found = credentials(n8n)
    assert found.verdict is Verdict.BAD
    assert found.says == f"'Lab database' of {STORE!r} is not there."


def test_a_credential_that_does_not_work_is_told_in_n8ns_words(
    standin: StandIn, n8n: N8n, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = standin.engine.answer

    def refuses(method: str, target: str, key: str, body: bytes) -> Reply:
        if target.endswith("/test"):
            return 200, {"status": "Error", "message": "password authentication failed"}
        return answer(method, target, key, body)

    monkeypatch.setattr(standin.engine, "answer", refuses)
    assert credentials(n8n).says == "'Lab database' does not work (password authentication failed)."


def test_the_drills_workflow_comes_back(standin: StandIn, n8n: N8n) -> None:
    fault = DeactivateWorkflow()
    trouble = fault.cause(n8n)
    assert active(n8n).verdict is Verdict.BAD
    fault.cure(trouble)
    fault.cure(trouble)
    assert active(n8n).verdict is Verdict.OK


class Service:
    """Stands in for a service that may be restarted."""

    kind, restart_line = "n8n_service", "systemctl restart n8n"

    def running(self) -> bool:
        return False


def test_it_restarts_only_what_does_not_answer_or_is_not_ready(standin: StandIn, n8n: N8n) -> None:
    service: Any = Service()
    plan = RestartN8n().plan(n8n, service)
    assert (plan.commands, plan.does) == ((), "Nothing to restart: it answers and is ready.")
    standin.tell(unready=True)
    plan = RestartN8n().plan(n8n, service)
    assert [planned.line for planned in plan.commands] == ["systemctl restart n8n"]
    for said in ("cut off", "a retry sends again", "goes on afterwards", "N8N_GRACEFUL_SHUTDOWN_TIMEOUT"):
        assert said in plan.loses


def test_it_cuts_nothing_off_that_runs(standin: StandIn, n8n: N8n) -> None:
    service: Any = Service()
    assert RestartSilentN8n().plan(n8n, service).commands
    standin.engine.add(standin.of(SENDER), "running")
    plan = RestartSilentN8n().plan(n8n, service)
    assert plan.commands == ()
    assert plan.does.startswith("Not while 1 runs go on")


def test_what_is_done_is_what_was_planned_and_no_more(standin: StandIn, n8n: N8n) -> None:
    """A plan with fewer commands does fewer."""
    one, other = fail(standin, SENDER), fail(standin, WRITER)
    plan = retry.plan(n8n)
    retry.apply(n8n, dataclasses.replace(plan, commands=plan.commands[:1]))
    assert (len(made_from(standin, one)), len(made_from(standin, other))) == (1, 0)
    assert check_n8n_failures.fn(n8n).value == 1


def test_what_a_persons_stop_ended_is_not_retried_once_more(standin: StandIn, n8n: N8n) -> None:
    name = fail(standin, SENDER)
    again = str(standin.engine.add(standin.of(SENDER), "running", mode="retry", retryOf=name)["id"])
    n8n.stop(again)
    assert retry.plan(n8n).commands == ()
