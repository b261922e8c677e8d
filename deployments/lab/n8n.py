"""The lab's n8n: answers as n8n 2.40 does, as far as it is asked here, and lets itself be told to be ill.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python n8n.py FOLDER PORT`. FOLDER holds `keys.json`, the scopes of each key it takes, gets `state.json`, which is all
it remembers, and may hold `trouble.json`, read before each answer:

- `failed`: a word; for each new one, one run of each class fails (Unipile, Claude, webhook, database);
- `unready`: the database behind it is gone.

What fails is well again when its runs are retried, for what they asked for is well again by then. Each active workflow
runs once a minute, as far as anybody looks. Its answers are held against recorded ones of the real thing.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEYS, STATE, TROUBLE = "keys.json", "state.json", "trouble.json"
# What it knows of; its one key may do all of it.
SCOPES = [
    *(f"workflow:{verb}" for verb in ("list", "read", "create", "activate", "deactivate")),
    *(f"execution:{verb}" for verb in ("list", "read", "retry", "stop")),
    *(f"credential:{verb}" for verb in ("list", "read")),
]
KEY_HEADER = "X-N8N-API-KEY"
RUNS_EVERY_S = 60.0
MOST_KEPT = 500
PAGE = 250
MOST_BODY = 1_000_000
STATES = ("canceled", "crashed", "error", "new", "running", "success", "unknown", "waiting")
UNDER_WAY = ("running", "waiting", "new")
# The lab's workflows, with the node that fails in each, and what n8n then tells of it.
HTTP, POSTGRES, RESPOND = (f"n8n-nodes-base.{name}" for name in ("httpRequest", "postgres", "respondToWebhook"))
SENDER, WRITER, RECEIVER, STORE = "Unipile Sender", "Claude Writer", "Reply Receiver", "Lead Store"
API_ERROR, NODE_ERROR = "NodeApiError", "NodeOperationError"
FAILS: dict[str, tuple[str, str, dict[str, Any]]] = {
    SENDER: ("Send by Unipile", HTTP, {
        "name": API_ERROR, "httpCode": "422", "description": "Account disconnected",
        "message": "Your request is invalid or could not be processed by the service",
        "context": {"request": {"method": "POST", "uri": "https://api1.unipile.com:13111/api/v1/chats"}},
    }),
    WRITER: ("Ask Claude", HTTP, {
        "name": API_ERROR, "httpCode": "529", "description": "Overloaded",
        "message": "The service failed to process your request",
        "context": {"request": {"method": "POST", "uri": "https://api.anthropic.com/v1/messages"}},
    }),
    RECEIVER: ("Answer the webhook", RESPOND, {
        "name": NODE_ERROR, "message": "Invalid JSON in 'Response Body' field", "context": {},
    }),
    STORE: ("Insert lead", POSTGRES, {
        "name": NODE_ERROR, "message": "Connection refused", "description": "127.0.0.1:1", "context": {},
    }),
}  # fmt: skip
CREDENTIAL = {"id": "labDatabase00001", "name": "Lab database", "type": "postgres"}
Reply = tuple[int, Any]
NOT_FOUND: Reply = (404, {"message": "Not Found"})


class Engine:
    """What it remembers, and how it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.turn = threading.Lock()
        self.state: dict[str, Any] = {"workflows": _workflows(), "runs": [], "next": 1, "failed": "", "ran": {}}
        with contextlib.suppress(OSError, ValueError):
            self.state = json.loads((folder / STATE).read_text(encoding="utf-8"))

    def keep(self) -> None:
        new = self.folder / f"{STATE}.new"
        new.write_text(json.dumps(self.state), encoding="utf-8")
        new.rename(self.folder / STATE)

    def answer(self, method: str, target: str, key: str, body: bytes) -> Reply:
        """The status, and what is sent as JSON."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        with self.turn:
            match [method, *(unquote(part) for part in parts.path.strip("/").split("/"))]:
                case ["GET", "healthz"]:
                    return 200, {"status": "ok"}
                case ["GET", "healthz", "readiness"]:
                    return (503, {"status": "error"}) if self._told().get("unready") else (200, {"status": "ok"})
                case [_, "api", "v1", *path]:
                    return self._api(method, path, query, key, body)
            # What it does not know leads to its editor.
            return 200, "<!DOCTYPE html>"

    def _api(self, method: str, path: list[str], query: dict[str, str], key: str, body: bytes) -> Reply:
        scopes = _read(self.folder / KEYS).get(key)
        if scopes is None:
            return 401, {"message": "Unauthorized"}
        known = _scope(method, path)
        if known is None:
            return 404, {"message": "not found"}
        if known and known not in scopes:
            return 403, {"message": "Forbidden"}
        self._go_on()
        match [method, *path]:
            case ["GET", "discover"]:
                return 200, {"data": {"scopes": scopes, "resources": {}, "filters": {}}}
            case ["GET", "credentials"]:
                return 200, {"data": [CREDENTIAL], "nextCursor": None}
            case ["POST", "credentials", name, "test"]:
                return (200, {"status": "OK", "message": "Connection successful!"}) if name == CREDENTIAL["id"] else (
                    404, {"message": f'Credential with ID "{name}" was not found.'}
                )  # fmt: skip
            case [_, "executions", *rest]:
                return self._executions(rest, query)
            case [_, "workflows", *rest]:
                return self._workflows(method, rest, query, body)
        return NOT_FOUND

    def _workflows(self, method: str, rest: list[str], query: dict[str, str], body: bytes) -> Reply:
        known: dict[str, Any] = self.state["workflows"]
        if method == "POST" and not rest:
            return self._created(_json(body))
        if not rest:
            begin, limit = int(_cursor(query).get("offset", 0)), _limit(query)
            found = list(known.values())
            last = begin + limit >= len(found)
            mark = None if last else _mark({"limit": limit, "offset": begin + limit})
            return 200, {"data": found[begin : begin + limit], "nextCursor": mark}
        if rest[0] not in known:
            return NOT_FOUND
        one = known[rest[0]]
        if rest[1:] in (["activate"], ["deactivate"]):
            if one["isArchived"] and rest[1] == "activate":
                return 400, {"message": "Cannot activate an archived workflow."}
            one["active"] = rest[1] == "activate"
            self.keep()
        return 200, one

    def _created(self, asked: Any) -> Reply:
        wanted = {"name", "nodes", "connections", "settings"}
        if not isinstance(asked, dict) or not wanted <= asked.keys():
            return 400, {"message": "request/body must have required property 'settings'"}
        if extra := asked.keys() - wanted - {"staticData", "pinData"}:
            return 400, {"message": f"request/body/{sorted(extra)[0]} is read-only"}
        made = _workflow(asked["name"], asked["nodes"], asked["connections"], known=f"made{self._number():012}")
        self.state["workflows"][made["id"]] = {**made, "active": False, "settings": asked["settings"]}
        self.keep()
        return 200, self.state["workflows"][made["id"]]

    def _executions(self, rest: list[str], query: dict[str, str]) -> Reply:
        if not rest:
            return self._listed(query)
        run = next((one for one in self.state["runs"] if one["id"] == rest[0]), None)
        if run is None:
            return NOT_FOUND if rest[1:] != ["stop"] else (404, {"message": "Failed to find execution to stop"})
        if rest[1:] == ["retry"]:
            return self._retried(run)
        if rest[1:] == ["stop"]:
            return self._stopped(run)
        return 200, {**_shown(run), **(self._data(run) if query.get("includeData") == "true" else {})}

    def _listed(self, query: dict[str, str]) -> Reply:
        status = query.get("status")
        if status is not None and status not in STATES:
            return 400, {"message": f"request/query/status Invalid enum value. Expected one of {', '.join(STATES)}"}
        last, limit = int(_cursor(query).get("lastId", 0)), _limit(query)
        found: list[Any] = []
        for run in reversed(self.state["runs"]):
            # Without a state, what runs is left out.
            fits = run["status"] == status if status else run["status"] != "running"
            if fits and query.get("workflowId") in (None, run["workflowId"]) and (not last or int(run["id"]) < last):
                found.append(_shown(run))
                if len(found) > limit:
                    break
        more = len(found) > limit
        mark = _mark({"lastId": found[limit - 1]["id"], "limit": limit}) if more else None
        return 200, {"data": found[:limit], "nextCursor": mark}

    def _retried(self, run: dict[str, Any]) -> Reply:
        if run["status"] == "new":
            return 409, {"message": "Execution is queued to run (not yet started) so it cannot be retried"}
        if run["status"] == "success":
            return 409, {"message": "The execution succeeded, so it cannot be retried."}
        # Whatever was retried before: n8n does it again.
        made = self.add(run["workflowId"], "success", mode="retry", retryOf=run["id"])
        run["retrySuccessId"] = made["id"]
        self.keep()
        told = ("id", "mode", "startedAt", "workflowId", "finished", "retryOf", "status")
        return 200, {name: made[name] for name in told}

    def _stopped(self, run: dict[str, Any]) -> Reply:
        if run["status"] not in UNDER_WAY:
            says = f"Only running or waiting executions can be stopped and {run['id']} is currently {run['status']}"
            return 409, {"message": says}
        run |= {"status": "canceled", "stoppedAt": _now(), "waitTill": None}
        self.keep()
        return 200, {name: run[name] for name in ("mode", "startedAt", "stoppedAt", "finished", "status")}

    def add(self, workflow: str, status: str, **more: Any) -> dict[str, Any]:
        """A run, made now."""
        ended = None if status in ("running", "new") else _now()
        run = {
            "id": str(self._number()), "finished": status == "success", "mode": "webhook", "retryOf": None,
            "retrySuccessId": None, "status": status, "startedAt": None if status == "new" else _now(),
            "stoppedAt": ended, "workflowId": workflow, "waitTill": None, **more,
        }  # fmt: skip
        self.state["runs"].append(run)
        return run

    def _number(self) -> int:
        self.state["next"] += 1
        return int(self.state["next"]) - 1

    def _data(self, run: dict[str, Any]) -> dict[str, Any]:
        """The run's data, of what failed with the error as n8n has it."""
        one = self.state["workflows"][run["workflowId"]]
        told = {"workflowData": {name: one[name] for name in ("id", "name", "nodes", "connections", "settings")}}
        first, failed = one["nodes"][0], one["nodes"][-1]
        done = {"executionStatus": "success", "data": {"main": [[{"json": {}}]]}}
        result: dict[str, Any] = {"runData": {first["name"]: [done]}, "lastNodeExecuted": failed["name"]}
        item = {"node": failed, "data": {"main": [[{"json": {}}]]}}
        if run["status"] == "error":
            result["error"] = {**FAILS[one["name"]][2], "node": failed}
        return {**told, "data": {"resultData": result, "executionData": {"nodeExecutionStack": [item]}}}

    def _told(self) -> dict[str, Any]:
        return _read(self.folder / TROUBLE)

    def _go_on(self) -> None:
        """What has happened since anybody looked."""
        told = str(self._told().get("failed", ""))
        if told != self.state["failed"]:
            # A drill that is over leaves nothing behind.
            self.state["runs"] = [run for run in self.state["runs"] if not run.get("drill")]
            self.state["failed"] = told
            for one in list(self.state["workflows"].values()) if told else []:
                if one["name"] in FAILS:
                    self.add(one["id"], "error", drill=True)
            self.keep()
        for one in self.state["workflows"].values():
            if one["active"] and time.time() - self.state["ran"].get(one["id"], 0.0) >= RUNS_EVERY_S:
                self.state["ran"][one["id"]] = time.time()
                self.add(one["id"], "success")
        del self.state["runs"][:-MOST_KEPT]


class Server(ThreadingHTTPServer):
    """HTTP around the engine."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.engine = Engine(folder)
        super().__init__(("127.0.0.1", port), Api)


class Api(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; without it the second waits for the first to be acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MOST_BODY))
        status, told = self.server.engine.answer(self.command, self.path, self.headers.get(KEY_HEADER, ""), body)
        said = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(told, str) else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's own names

    def log_message(self, *_: object) -> None:
        """Supervisor keeps what went wrong; who asked what is nobody's business."""


def _scope(method: str, path: list[str]) -> str | None:
    """The scope that a request takes; empty for none, None where there is no such path."""
    match [method, *path]:
        case ["GET", "discover"]:
            return ""
        case ["GET", ("workflows" | "executions" | "credentials") as what]:
            return f"{what[:-1]}:list"
        case ["GET", ("workflows" | "executions") as what, _]:
            return f"{what[:-1]}:read"
        case ["POST", "workflows"]:
            return "workflow:create"
        case ["POST", "credentials", _, "test"]:
            return "credential:read"
        case ["POST", "workflows", _, ("activate" | "deactivate") as verb]:
            return f"workflow:{verb}"
        case ["POST", "executions", _, ("retry" | "stop") as verb]:
            return f"execution:{verb}"
    return None


def _workflows() -> dict[str, Any]:
    made = {}
    for number, (name, (node, kind, _)) in enumerate(FAILS.items(), start=1):
        used = {"credentials": {"postgres": {k: CREDENTIAL[k] for k in ("id", "name")}}} if kind == POSTGRES else {}
        hook = {"id": f"h{number}", "name": "Webhook", "type": "n8n-nodes-base.webhook", "typeVersion": 2,
                "position": [0, 0], "parameters": {"path": f"lab-{number}"}}  # fmt: skip
        last = {"id": f"n{number}", "name": node, "type": kind, "typeVersion": 1, "position": [300, 0],
                "parameters": {}, **used}  # fmt: skip
        joined = {"Webhook": {"main": [[{"node": node, "type": "main", "index": 0}]]}}
        one = _workflow(name, [hook, last], joined, known=f"labWorkflow{number:05}")
        made[one["id"]] = one
    return made


def _workflow(name: str, nodes: Any, connections: Any, *, known: str) -> dict[str, Any]:
    return {
        "id": known, "name": name, "active": True, "isArchived": False, "createdAt": _now(), "updatedAt": _now(),
        "nodes": nodes, "connections": connections, "settings": {"executionOrder": "v1"}, "staticData": None,
        "meta": None, "triggerCount": 1, "versionId": f"version-of-{known}",
    }  # fmt: skip


def _shown(run: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name != "drill"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _limit(query: dict[str, str]) -> int:
    """More than the largest page is no error: it is the largest page."""
    return int(_cursor(query).get("limit", min(int(query.get("limit", "100")), PAGE)))


def _cursor(query: dict[str, str]) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        told = json.loads(base64.b64decode(query.get("cursor", "")))
        return told if isinstance(told, dict) else {}
    return {}


def _mark(told: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(told).encode()).decode()


def _json(body: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(body)
    return None


def _read(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        told = json.loads(file.read_text(encoding="utf-8"))
        return told if isinstance(told, dict) else {}
    return {}


def main(folder: Path, port: int) -> None:
    os.umask(0o077)
    server = Server(folder, port)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    over.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
