"""The lab's n8n answers as the real one does, as far as that was recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from deployments.lab.n8n import FAILS, SENDER, STORE, WRITER
from tests.tasks.n8n.conftest import FEW, KEY, StandIn
from tests.tasks.n8n.recorded import ANSWERS, FAILED, READ, differs

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(standin: StandIn) -> Ask:
    def asked(method: str, path: str, key: str = KEY, body: Any = None) -> tuple[int, Any]:
        return standin.engine.answer(method, path, key, json.dumps(body).encode())

    return asked


def held(name: str, answer: tuple[int, Any]) -> None:
    status, told = answer
    real = ANSWERS[name]
    assert status == real["status"]
    if isinstance(told, str):
        assert str(real["body"]).startswith(told)
    else:
        assert list(differs(real["body"], told)) == []


@pytest.mark.parametrize(
    ("name", "method", "path", "key"),
    [
        ("alive", "GET", "/healthz", ""),
        ("ready", "GET", "/healthz/readiness", ""),
        ("wrong key", "GET", "/api/v1/workflows?limit=1", "wrong"),
        ("few scopes", "GET", "/api/v1/executions?limit=1", FEW),
        ("few scopes, retry", "POST", "/api/v1/executions/1/retry", FEW),
        ("few scopes, discover", "GET", "/api/v1/discover", FEW),
        ("no such path", "GET", "/api/v1/nothing", KEY),
        ("not the API", "GET", "/other/v1/workflows", KEY),
        ("no such state", "GET", "/api/v1/executions?status=nonsense", KEY),
        ("workflows", "GET", "/api/v1/workflows?limit=1&excludePinnedData=true", KEY),
        ("no such workflow", "GET", "/api/v1/workflows/nope", KEY),
        ("no such execution", "GET", "/api/v1/executions/999999", KEY),
        ("retry of none", "POST", "/api/v1/executions/999999/retry", KEY),
        ("stop of none", "POST", "/api/v1/executions/999999/stop", KEY),
    ],
)
def test_it_answers_as_n8n_does(ask: Ask, name: str, method: str, path: str, key: str) -> None:
    held(name, ask(method, path, key))


@pytest.mark.parametrize("state", ["error", "crashed", "success", "canceled"])
def test_it_lists_runs_as_n8n_does(standin: StandIn, ask: Ask, state: str) -> None:
    standin.engine.add(standin.of(SENDER), state)
    answer = ask("GET", f"/api/v1/executions?limit=1&status={state}")
    held(state, answer)
    assert READ["executions"] <= answer[1]["data"][0].keys() & ANSWERS[state]["body"]["data"][0].keys()


def test_it_tells_workflows_with_all_that_is_read(ask: Ask) -> None:
    assert READ["workflows"] <= ask("GET", "/api/v1/workflows")[1]["data"][0].keys()
    assert READ["workflows"] <= ANSWERS["workflows"]["body"]["data"][0].keys()


def test_it_retries_and_stops_as_n8n_does(standin: StandIn, ask: Ask) -> None:
    failed = standin.engine.add(standin.of(SENDER), "error")["id"]
    answer = ask("POST", f"/api/v1/executions/{failed}/retry", body={"loadWorkflow": False})
    held("retry", answer)
    assert READ["retry"] <= answer[1].keys() & ANSWERS["retry"]["body"].keys()
    held("retry of a success", ask("POST", f"/api/v1/executions/{answer[1]['id']}/retry"))
    held("stop of a success", ask("POST", f"/api/v1/executions/{answer[1]['id']}/stop"))


def test_it_switches_as_n8n_does(standin: StandIn, ask: Ask) -> None:
    one = standin.of(SENDER)
    held("deactivate", ask("POST", f"/api/v1/workflows/{one}/deactivate"))
    held("activate", ask("POST", f"/api/v1/workflows/{one}/activate"))
    standin.engine.state["workflows"][one] |= {"isArchived": True}
    held("activate an archived one", ask("POST", f"/api/v1/workflows/{one}/activate"))


def test_it_takes_only_what_n8n_takes_to_make_a_workflow(ask: Ask) -> None:
    empty = {"name": "x", "nodes": [], "connections": {}}
    held("create with an id", ask("POST", "/api/v1/workflows", body={**empty, "id": "x", "settings": {}}))
    held("create without settings", ask("POST", "/api/v1/workflows", body=empty))


@pytest.mark.parametrize(("name", "recorded"), [(SENDER, "unipile"), (WRITER, "claude"), (STORE, "database")])
def test_it_fails_as_n8n_does(standin: StandIn, ask: Ask, name: str, recorded: str) -> None:
    failed = standin.engine.add(standin.of(name), "error")["id"]
    told = ask("GET", f"/api/v1/executions/{failed}?includeData=true")[1]
    result, real = told["data"]["resultData"], FAILED[recorded]["data"]["resultData"]
    assert list(differs(real["error"], {k: v for k, v in result["error"].items() if k != "node"})) == []
    assert set(FAILS[name][2]) <= {*real["error"], "description"}
    assert result["lastNodeExecuted"] == real["lastNodeExecuted"]


def test_it_leaves_running_ones_out_of_a_list_without_a_state(standin: StandIn, ask: Ask) -> None:
    running = standin.engine.add(standin.of(SENDER), "running")["id"]
    assert running not in [run["id"] for run in ask("GET", "/api/v1/executions")[1]["data"]]
    assert [run["id"] for run in ask("GET", "/api/v1/executions?status=running")[1]["data"]] == [running]


def test_it_gives_its_lists_in_pages(standin: StandIn, ask: Ask) -> None:
    made = [standin.engine.add(standin.of(SENDER), "error")["id"] for _ in range(5)]
    seen, mark = list[str](), ""
    while True:
        page = ask("GET", f"/api/v1/executions?status=error&limit=2{f'&cursor={mark}' if mark else ''}")[1]
        seen += [run["id"] for run in page["data"]]
        mark = page["nextCursor"]
        if not mark:
            break
    assert seen == made[::-1]
