"""What the real n8n answers to each request that the door makes: written down once, compared every time after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.nightly.sanitised import sanitised
from tests.nightly.story import Story
from tests.nightly.workshop import AGENT, code, http, insert, until
from tests.tasks.n8n.recorded import ANSWERS, FAILED, READ, SAMPLES

EMPTY = {"name": "x", "nodes": [], "connections": {}}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Answers by what was asked, and failed runs by what failed."""

    answers: dict[str, Any]
    failed: dict[str, Any]

    def write(self) -> str:
        for name, told in (("answers", self.answers), ("failed", self.failed)):
            lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in told.items()]
            (SAMPLES / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        return f"wrote {len(self.answers)} answers and {len(self.failed)} failed runs"


def recorded(told: Story) -> Recording:
    return Recording(answers=dict(_answers(told)), failed=dict(_failed(told)))


def compared(now: Recording) -> list[str]:
    """Where n8n answers otherwise than it was recorded, as far as anybody reads it."""
    found = [
        f"{name}: {ANSWERS[name]['status']} was recorded, {one['status']} now"
        for name, one in now.answers.items()
        if name in ANSWERS and ANSWERS[name]["status"] != one["status"]
    ]
    lists = {"workflows": READ["workflows"], **dict.fromkeys(("error", "success", "canceled"), READ["executions"])}
    for name, read in lists.items():
        lost = read - now.answers[name]["body"]["data"][0].keys()
        found += [f"{name}: {', '.join(sorted(lost))} is told no more"] if lost else []
    for name, one in now.failed.items():
        was, is_now = (run["data"]["resultData"].get("error", {}) for run in (FAILED[name], one))
        for key in ("name", "message", "httpCode"):
            if was.get(key) != is_now.get(key):
                found.append(f"{name}: {key} was {was.get(key)!r}, and is {is_now.get(key)!r}")
    return found


def _answers(told: Story) -> Iterator[tuple[str, Any]]:
    api, all_of_it = "/api/v1", told.door.key.get_secret_value()
    good = told.shop.runs("success")[0]["id"]
    failed = told.shop.runs("error", told.ids["Lead Store"])[0]["id"]
    fine = f"{api}/workflows/{told.ids['Fine']}"
    archived = told.shop.workflow("Archived")
    told.shop.api.post(f"/workflows/{archived}/archive").raise_for_status()
    for name, method, path, key, body in (
        ("alive", "GET", "/healthz", "", None),
        ("ready", "GET", "/healthz/readiness", "", None),
        ("wrong key", "GET", f"{api}/workflows?limit=1", "wrong", None),
        ("few scopes", "GET", f"{api}/executions?limit=1", told.few, None),
        ("few scopes, retry", "POST", f"{api}/executions/1/retry", told.few, {}),
        ("few scopes, discover", "GET", f"{api}/discover", told.few, None),
        ("no such path", "GET", f"{api}/nothing", all_of_it, None),
        ("not the API", "GET", "/other/v1/workflows", all_of_it, None),
        ("no such state", "GET", f"{api}/executions?status=nonsense", all_of_it, None),
        ("workflows", "GET", f"{api}/workflows?limit=1&excludePinnedData=true", all_of_it, None),
        ("no such workflow", "GET", f"{api}/workflows/nope", all_of_it, None),
        *((state, "GET", f"{api}/executions?limit=1&status={state}", all_of_it, None)
          for state in ("error", "crashed", "success", "canceled")),
        ("no such execution", "GET", f"{api}/executions/999999", all_of_it, None),
        ("retry of none", "POST", f"{api}/executions/999999/retry", all_of_it, {}),
        ("retry of a success", "POST", f"{api}/executions/{good}/retry", all_of_it, {}),
        ("stop of a success", "POST", f"{api}/executions/{good}/stop", all_of_it, None),
        ("stop of none", "POST", f"{api}/executions/999999/stop", all_of_it, None),
        ("create with an id", "POST", f"{api}/workflows", all_of_it, {**EMPTY, "id": "x", "settings": {}}),
        ("create without settings", "POST", f"{api}/workflows", all_of_it, EMPTY),
        ("retry", "POST", f"{api}/executions/{failed}/retry", all_of_it, {"loadWorkflow": False}),
        ("deactivate", "POST", f"{fine}/deactivate", all_of_it, None),
        ("activate", "POST", f"{fine}/activate", all_of_it, None),
        ("activate an archived one", "POST", f"{api}/workflows/{archived}/activate", all_of_it, None),
    ):  # fmt: skip
        headers = {**AGENT, **({"X-N8N-API-KEY": key} if key else {})}
        given = {} if body is None else {"json": body}
        answer = httpx.request(method, f"{told.shop.url}{path}", headers=headers, timeout=60, **given)  # type: ignore[arg-type]
        is_json = "json" in answer.headers.get("content-type", "")
        yield name, {"status": answer.status_code, "body": _kept(name, answer.json()) if is_json else answer.text[:15]}


def _kept(name: str, body: Any) -> Any:
    """Without what is long and read by nobody."""
    if name == "retry":
        body = {key: value for key, value in body.items() if key not in ("data", "workflowData")}
    if "discover" in name:
        body = {"data": {**body["data"], "resources": {}, "filters": {}}}
    return sanitised(body)


def _failed(told: Story) -> Iterator[tuple[str, Any]]:
    """The newest failed run of each workflow that fails in a way of its own; some are made here."""
    shop, url = told.shop, told.target.url
    names = {"Unipile Sender": "unipile", "Claude Writer": "claude", "Answerer": "Answerer", "Lead Store": "database",
             "Three": "Multi"}  # fmt: skip
    steps = [http("First send", f"{url}/slow/0/first"), http("Second send", f"{url}/422/second")]
    told.ids["Two steps"] = shop.workflow("Two steps", *steps)
    told.ids["responder"] = shop.workflow(
        "responder", code("Shape rows", "throw new Error('boom')"), answers="responseNode"
    )
    for name in ("Two steps", "responder"):
        names[name] = name
        shop.call(name)
    for name, node in {
        "Missing": insert("Insert missing", "nopenopenopenope"),
        "u401": http("Call key", f"{url}/401/x"),
        "u429": http("Call limit", f"{url}/429/x"),
        "u503": http("Call service", f"{url}/503/x"),
        "urefused": http("Call closed", "http://127.0.0.1:1/x"),
        "unoname": http("Call nobody", "http://nobody.invalid/x"),
        "utimeout": http("Call slow", f"{url}/slow/5", timeout=700),
        "code": code("Shape rows", "throw new Error('boom person@example.com')"),
    }.items():
        told.ids[name] = shop.workflow(name, node)
        names[name] = name
        shop.call(name)
    for workflow, name in names.items():
        run = until(lambda of=told.ids[workflow]: shop.runs("error", of) or None, f"{workflow} to fail")[-1]  # type: ignore[misc]
        yield name, _run(told, run["id"])
    yield "crashed", _run(told, shop.runs("crashed", told.ids["Long"])[0]["id"])


def _run(told: Story, run: str) -> Any:
    one = told.shop.api.get(f"/executions/{run}", params={"includeData": "true"}).raise_for_status().json()
    flow = one["workflowData"]
    one["workflowData"] = {key: flow[key] for key in ("id", "name", "nodes", "connections", "settings")}
    return sanitised(one)
