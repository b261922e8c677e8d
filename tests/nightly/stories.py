"""What is asked of the real n8n, one after the other: each says what it holds n8n to, and where it surprises."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
from pydantic import SecretStr

from tasks.kept import one_question
from tasks.model import CannotLook, Threshold, Verdict
from tasks.n8n.executions.actions import RetryFailed, StopStuck
from tasks.n8n.executions.checks import (
    check_n8n_concurrency,
    check_n8n_crashed,
    check_n8n_failures,
    check_n8n_stuck,
)
from tasks.n8n.executions.lately import lately
from tasks.n8n.exports.actions import ExportWorkflows, ImportWorkflows
from tasks.n8n.exports.checks import check_n8n_exported, check_n8n_imported
from tasks.n8n.instance.actions import RestartN8n
from tasks.n8n.instance.checks import check_n8n_answers, check_n8n_key
from tasks.n8n.instance.faults import StopN8n
from tasks.n8n.workflows.actions import Reactivate
from tasks.n8n.workflows.checks import check_n8n_active, check_n8n_credentials, check_n8n_last_runs
from tasks.n8n.workflows.faults import DeactivateWorkflow
from tests.nightly import real_n8n
from tests.nightly.recording import compared, recorded
from tests.nightly.story import Story
from tests.nightly.workshop import answer, code, http, insert, until

FAILING = {"Unipile Sender": "unipile", "Claude Writer": "claude", "Answerer": "Answerer", "Lead Store": "database"}
CLOSED_PORT = 1
# What a restart gives runs to end in (N8N_GRACEFUL_SHUTDOWN_TIMEOUT), less a little.
GRACE_S = 25


def it_answers_is_ready_and_takes_the_key(told: Story) -> str:
    assert check_n8n_answers.fn(told.door).verdict is Verdict.OK
    assert check_n8n_key.fn(told.door).verdict is Verdict.OK
    assert {found.verdict for found in told.door.examine()} == {Verdict.OK}
    few = told.door.model_copy(update={"key": SecretStr(told.few)})
    found = check_n8n_key.fn(few)
    assert found.verdict is Verdict.BAD, found.says
    assert "execution:list" in found.says, found.says
    wrong = check_n8n_key.fn(told.door.model_copy(update={"key": SecretStr("wrong")}))
    assert wrong.verdict is Verdict.BAD, wrong.says
    assert "does not take this key" in wrong.says, wrong.says
    return found.says


def it_tells_one_failed_run_of_each_class(told: Story) -> str:
    shop, target = told.shop, told.target
    stored = shop.credential(CLOSED_PORT)
    nodes = {
        "Unipile Sender": http("Send by Unipile", f"{target.url}/422/api/v1/chats"),
        "Claude Writer": http("Ask Claude", f"{target.url}/529/v1/messages"),
        "Answerer": answer("Answer", "{not json"),
        "Lead Store": insert("Insert lead", stored),
    }
    for name, node in nodes.items():
        given = {"answers": "responseNode"} if name == "Answerer" else {}
        told.ids[name] = shop.workflow(name, node, **given)
        shop.call(name)
    until(lambda: len(shop.runs("error")) >= len(nodes) or None, "four failed runs")
    found = check_n8n_failures.fn(told.door)
    assert found.facts["by_class"] == {"Unipile": 1, "Claude": 1, "webhook": 1, "database": 1}, found.says
    return found.says


def it_retries_them_once_and_follows_the_chain(told: Story) -> str:
    """n8n marks the run that was retried, not the one that run was made from: its grandparent still looks failed."""
    retry, target = RetryFailed(), told.target
    plan = retry.plan(told.door)
    assert len(plan.commands) == len(FAILING), plan.does
    target.up = True
    outcome = retry.apply(told.door, plan)
    assert retry.applied(told.door, plan) is True
    assert [target.seen[path] for path in ("/422/api/v1/chats", "/529/v1/messages")] == [2, 2], target.seen
    # Two are well again; of the others the retry is open, and not what it was made from.
    left = {run.workflow for run in lately(told.door).open}
    assert left == {told.ids["Answerer"], told.ids["Lead Store"]}, left
    retry.apply(told.door, plan)
    assert target.seen["/422/api/v1/chats"] == 2, "a second run of the same plan sent again"
    target.up = False
    return outcome.says


def n8n_itself_retries_what_a_retry_made_good(told: Story) -> None:
    """Why RetryFailed looks first."""
    before = told.target.seen["/422/api/v1/chats"]
    good = next(run for run in told.shop.runs("error", told.ids["Unipile Sender"]) if run["retrySuccessId"])
    told.door.retry(good["id"])
    assert told.target.seen["/422/api/v1/chats"] == before + 1


def n8n_sends_all_items_of_the_failed_node_again(told: Story) -> str:
    """Two of three were sent when the third failed; a retry sends the two again: left alone from here."""
    rows = "return [1,2,3].map(n => ({json: {n, to: n === 3 ? '/422/third' : '/slow/0/' + n}}))"
    send = http("Send three", "")
    send["parameters"]["url"] = "={{ '" + told.target.url + "' + $json.to }}"
    told.ids["Three"] = told.shop.workflow("Three", code("Three rows", rows), send)
    told.shop.call("Three")
    failed = until(lambda: told.shop.runs("error", told.ids["Three"]) or None, "the failed run")[0]["id"]
    plan = RetryFailed().plan(told.door)
    assert failed not in [planned.target["execution"] for planned in plan.commands]
    told.door.retry(failed)
    assert [told.target.seen[f"/slow/0/{n}"] for n in (1, 2)] == [2, 2], told.target.seen
    return "/slow/0/1 and /slow/0/2 were sent twice"


def it_stops_what_runs_too_long(told: Story) -> None:
    told.ids["Long"] = told.shop.workflow("Long", http("Call long", f"{told.target.url}/slow/45/long"))
    told.shop.call("Long")
    going_on = until(lambda: told.shop.runs("running", told.ids["Long"]) or None, "a running run")[0]["id"]
    listed = told.shop.api.get("/executions", params={"limit": 250}).json()["data"]
    assert going_on not in [run["id"] for run in listed], "a list without a state holds running ones now"
    at_once = Threshold(warn=0.001, bad=0.002, because="Anything that runs.")
    assert check_n8n_stuck.fn(told.door, at_once).verdict is Verdict.BAD
    plan = StopStuck().plan(told.door, at_once)
    assert [planned.target["execution"] for planned in plan.commands] == [going_on]
    StopStuck().apply(told.door, plan)
    until(lambda: StopStuck().applied(told.door, plan) or None, "the run to be stopped")
    assert told.shop.runs("canceled", told.ids["Long"])[0]["id"] == going_on


def it_leaves_alone_what_was_cut_off(told: Story) -> str:
    """What n8n tells of such a run is made up, and it would send again what that had sent."""
    told.shop.call("Long")
    until(lambda: told.shop.runs("running", told.ids["Long"]) or None, "a running run")
    until(lambda: told.target.seen["/slow/45/long"] >= 2 or None, "the request")
    took_s = real_n8n.end(told.folder)
    assert took_s > GRACE_S, f"n8n ended after {took_s:.0f} s"
    assert check_n8n_answers.fn(told.door).facts == {"alive": False, "ready": False}
    real_n8n.start(told.folder)
    until(lambda: told.shop.runs("crashed", told.ids["Long"]) or None, "n8n to find the crashed run")
    found = check_n8n_crashed.fn(told.door)
    assert found.verdict is Verdict.BAD, found.says
    cut_off = str(found.rows[0]["execution"])
    assert cut_off not in [run["id"] for run in told.shop.runs("error")], "status=error holds crashed ones now"
    assert cut_off not in [planned.target["execution"] for planned in RetryFailed().plan(told.door).commands]
    before = told.target.seen["/slow/45/long"]
    with ThreadPoolExecutor(1) as one:
        again = one.submit(told.door.retry, cut_off)
        until(lambda: told.target.seen["/slow/45/long"] > before or None, "n8n to send again")
        for run in told.shop.runs("running", told.ids["Long"]):
            told.door.stop(run["id"])
        again.exception()
    return f"ended after {took_s:.0f} s. {found.says}"


def it_sees_what_waits_for_a_place(told: Story) -> str:
    """A webhook that is to be answered at once is not, while the limit is full."""
    real_n8n.end(told.folder)
    real_n8n.prepare(told.folder, {**told.settings, "N8N_CONCURRENCY_PRODUCTION_LIMIT": "1"})
    real_n8n.start(told.folder)
    told.shop.call("Long")
    with ThreadPoolExecutor(1) as one:
        waits = one.submit(told.shop.call, "Long", timeout_s=5)
        until(lambda: told.shop.runs("new") or None, "a queued run")
        found = check_n8n_concurrency.fn(told.door)
        assert waits.exception() is not None, "its caller got an answer"
    assert found.verdict is Verdict.BAD, found.says
    for state in ("new", "running"):
        for run in told.shop.runs(state):
            told.door.stop(run["id"])
    # Stopping a queued one lets the next begin, whatever runs.
    for run in told.shop.runs("running"):
        told.door.stop(run["id"])
    real_n8n.end(told.folder)
    real_n8n.prepare(told.folder, told.settings)
    real_n8n.start(told.folder)
    return found.says


def it_cannot_tell_a_switched_off_api_from_a_wrong_key(told: Story) -> str:
    real_n8n.end(told.folder)
    real_n8n.prepare(told.folder, {**told.settings, "N8N_PUBLIC_API_DISABLED": "true"})
    real_n8n.start(told.folder)
    found = check_n8n_key.fn(told.door)
    real_n8n.end(told.folder)
    real_n8n.prepare(told.folder, told.settings)
    real_n8n.start(told.folder)
    assert found.verdict is Verdict.BAD, found.says
    assert "switched off" in found.says, found.says
    return found.says


def it_is_alive_and_not_ready_without_its_database(told: Story) -> str:
    with psycopg.connect(told.database, autocommit=True) as session:
        session.execute("ALTER ROLE n8n NOLOGIN")
        session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'n8n'")
        try:
            found = until(
                lambda: one if (one := check_n8n_answers.fn(told.door)).verdict is Verdict.BAD else None, "not ready"
            )
        finally:
            session.execute("ALTER ROLE n8n LOGIN")
    assert found.facts == {"alive": True, "ready": False}, found.facts
    until(lambda: check_n8n_answers.fn(told.door).verdict is Verdict.OK or None, "n8n to find its database again")
    return found.says


def it_rehearses_a_deactivated_workflow(told: Story) -> str:
    told.ids["Fine"] = told.shop.workflow("Fine")
    told.shop.call("Fine")
    door = told.expecting("Fine", told.ids["Unipile Sender"])
    assert check_n8n_active.fn(door).verdict is Verdict.OK
    trouble = DeactivateWorkflow().cause(door)
    found = check_n8n_active.fn(door)
    assert found.verdict is Verdict.BAD
    plan = Reactivate().plan(door)
    outcome = Reactivate().apply(door, plan)
    assert Reactivate().applied(door, plan) is True
    back = Reactivate().undoing(plan, outcome)
    assert back is not None
    back.apply(door, back.plan(door))
    assert check_n8n_active.fn(door).verdict is Verdict.BAD
    DeactivateWorkflow().cure(trouble)
    assert check_n8n_active.fn(door).verdict is Verdict.OK
    return found.says


def it_rehearses_n8n_being_down(told: Story) -> str:
    trouble = StopN8n().cause(told.service)
    found = check_n8n_answers.fn(told.door)
    assert found.verdict is Verdict.BAD, found.says
    plan = RestartN8n().plan(told.door, told.service)
    assert RestartN8n().apply(told.door, told.service, plan).complete
    until(lambda: check_n8n_answers.fn(told.door).verdict is Verdict.OK or None, "n8n to answer")
    StopN8n().cure(trouble)
    return found.says


def it_judges_the_last_success(told: Story) -> str:
    told.shop.call("Fine")
    until(lambda: told.shop.runs("success", told.ids["Fine"]) or None, "a success")
    assert check_n8n_last_runs.fn(told.expecting("Fine")).verdict is Verdict.OK
    found = check_n8n_last_runs.fn(told.expecting("Answerer", within_s=1))
    assert found.verdict is Verdict.BAD, found.says
    assert "never" in found.says, found.says
    return found.says


def it_tries_credentials_and_misses_those_that_are_gone(told: Story) -> str:
    door = told.expecting("Lead Store")
    found = check_n8n_credentials.fn(door)
    assert found.verdict is Verdict.BAD, found.says
    assert "does not work (Connection refused)" in found.says, found.says
    stored = told.shop.api.get("/credentials").json()["data"][0]["id"]
    told.shop.api.delete(f"/credentials/{stored}").raise_for_status()
    gone = check_n8n_credentials.fn(door)
    assert "is not there" in gone.says, gone.says
    return gone.says


def it_exports_all_and_makes_anew_what_is_gone(told: Story) -> str:
    """n8n deletes only what is archived, and only a moment after it was active."""
    export, imported, door = ExportWorkflows(), ImportWorkflows(), told.door
    told.ids["Kept"] = told.shop.workflow("Kept", http("Send once", f"{told.target.url}/422/kept"))
    assert export.apply(door, export.plan(door)).complete
    found = check_n8n_exported.fn(door)
    assert found.verdict is Verdict.OK, found.says
    day = str(found.facts["day"])
    nodes = told.shop.api.get(f"/workflows/{told.ids['Kept']}").json()["nodes"]
    told.shop.api.post(f"/workflows/{told.ids['Kept']}/archive").raise_for_status()
    until(lambda: told.shop.api.delete(f"/workflows/{told.ids['Kept']}").is_success or None, "n8n to delete it")
    plan = imported.plan(door, day=day)
    outcome = imported.apply(door, plan, day=day)
    assert imported.applied(door, plan, day=day) is True
    assert check_n8n_imported.fn(door, day).verdict is Verdict.OK
    made = told.shop.api.get(f"/workflows/{outcome.rows[0]['id']}").json()
    assert (made["active"], made["nodes"]) == (False, nodes)
    return outcome.says


def it_counts_a_hundred_thousand_failures(told: Story) -> str:
    """Made in the database: rows like one that n8n wrote."""
    like = told.shop.runs("error", told.ids["Answerer"])[0]["id"]
    with psycopg.connect(told.database, autocommit=True) as session:
        for table, key in (("execution_entity", "id"), ("execution_data", "executionId")):
            session.execute(
                f"""INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object('{key}', n) ||
                CASE WHEN '{key}' = 'id' THEN jsonb_build_object('startedAt', now(), 'stoppedAt', now(),
                'createdAt', now(), 'retryOf', NULL, 'retrySuccessId', NULL) ELSE '{{}}' END)).*
                FROM {table} one, generate_series(1000001, 1100000) n WHERE one."{key}" = {int(like)}"""  # noqa: S608
            )
        session.execute("ANALYZE")
        begun = time.monotonic()
        told.shop.runs("error")
        page_s = time.monotonic() - begun
        took = []
        for _ in range(3):
            begun = time.monotonic()
            with one_question():
                found = check_n8n_failures.fn(told.door)
            took.append(time.monotonic() - begun)
        session.execute('DELETE FROM execution_data WHERE "executionId" > 1000000')
        session.execute("DELETE FROM execution_entity WHERE id > 1000000")
    assert found.says.startswith("At least 500 runs failed"), found.says
    return f"{', '.join(f'{one:.2f}' for one in sorted(took))} s, a page of 250 alone {page_s:.2f} s. {found.says}"


def it_answers_as_it_was_recorded(told: Story) -> str:
    now = recorded(told)
    if told.record:
        return now.write()
    differences = compared(now)
    assert not differences, json.dumps(differences, indent=1)
    return f"{len(now.answers)} answers as in the samples"


def no_setting_of_n8n_counts_mails(told: Story) -> None:
    """Runbooks that people copy have it lowered, or raised."""
    places = [told.folder / "node_modules" / name for name in ("n8n/dist", "@n8n/config/dist", "n8n-core/dist")]
    scripts = [file for place in places for file in place.rglob("*.js")]
    assert len(scripts) > 1000, "n8n lies elsewhere now"
    assert not [file for file in scripts if b"N8N_MAX_EMAILS_PER_MINUTE" in file.read_bytes()]


def what_does_not_answer_is_not_health(told: Story) -> None:
    nobody = told.door.model_copy(update={"url": "http://127.0.0.1:1"})
    try:
        nobody.workflows()
    except CannotLook:
        return
    raise AssertionError("nobody answered, and that passed for an empty list")


STORIES = (
    it_answers_is_ready_and_takes_the_key,
    it_tells_one_failed_run_of_each_class,
    it_retries_them_once_and_follows_the_chain,
    n8n_itself_retries_what_a_retry_made_good,
    n8n_sends_all_items_of_the_failed_node_again,
    it_stops_what_runs_too_long,
    it_leaves_alone_what_was_cut_off,
    it_sees_what_waits_for_a_place,
    it_cannot_tell_a_switched_off_api_from_a_wrong_key,
    it_is_alive_and_not_ready_without_its_database,
    it_rehearses_a_deactivated_workflow,
    it_rehearses_n8n_being_down,
    it_judges_the_last_success,
    it_answers_as_it_was_recorded,
    it_tries_credentials_and_misses_those_that_are_gone,
    it_exports_all_and_makes_anew_what_is_gone,
    no_setting_of_n8n_counts_mails,
    what_does_not_answer_is_not_health,
    it_counts_a_hundred_thousand_failures,
)
