"""The lab's hosted platforms, a stand-in: Vercel, where the lab's website is deployed, and Cloudflare with a database.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python platform.py FOLDER PORT`. FOLDER holds `token`, and `site`, the folder of the website, which obeys the
`release.json` there: the version that serves, and how it is ill. What is deployed is kept in `deployed.json`.

Written after vercel/sdk@426eb4b7, cloudflare/cloudflare-typescript@faaaf89e (both Apache-2.0) and Vercel's REST
reference. Nobody is asked, and nothing is built: what is ill lies there as deployments that were built and put nowhere
(readySubstate STAGED), for drills to promote. D1 is a file of SQLite's, which D1 is, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN, SITE, DEPLOYED, RELEASE = "token", "site", "deployed.json", "release.json"
VERCEL, CLOUDFLARE = "vercel", "cloudflare"
PROJECT, PROJECT_ID = "web", "prj_lab4711"
# What each version does to those who ask: the share that fails, how much later it answers, whether it ever does.
WELL: dict[str, Any] = {"fails": 0.0, "slow_ms": 0, "hangs": False}
ILL = {
    "errors": {**WELL, "fails": 0.05},
    "slow": {**WELL, "slow_ms": 2500},
    "hangs": {**WELL, "hangs": True},
}
# By what is wrong with them, the deployments that a drill may promote.
DRILLS = {ill: f"dpl_{ill}" for ill in ILL}
LIVE, BEFORE = "dpl_live", "dpl_before"
ACCOUNT, SCRIPT, DATABASE = "acc4711", "worker", "d1-lab-4711"
# A Worker's versions by their numbers, as they were deployed.
VERSIONS = {1: "11111111-aaaa-4000-8000-000000000001", 2: "22222222-bbbb-4000-8000-000000000002"}
D1 = "d1.sqlite3"
SIGNED = "signed"
DAY_MS = 86_400_000
# A promotion takes a moment, as it does there.
TAKES_S = 0.3
MOST_BODY = 1_000_000
# A status, and what is sent as JSON, a text as it is; None: an empty body.
Reply = tuple[int, Any]


class Platforms(ThreadingHTTPServer):
    """What is deployed, and who asks about it."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.site = Path((folder / SITE).read_text(encoding="utf-8").strip())
        self.turn = threading.RLock()
        self._token = (folder / TOKEN).read_text(encoding="utf-8").strip()
        self.deployed: dict[str, Any] = _read(folder / DEPLOYED) or beginning(int(time.time() * 1000))
        self.keep()
        super().__init__(("127.0.0.1", port), Api)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        parts = urlsplit(target)
        path = [unquote(part) for part in parts.path.strip("/").split("/")]
        if path[1:] == ["api", "v2", "summary.json"]:
            return 200, {"page": {"name": "The lab's"}, "status": {"indicator": "none", "description": "well"}}
        authorized = headers.get("authorization") == f"Bearer {self._token}"
        asked, query = [method, *path[1:]], parse_qs(parts.query)
        with self.turn:
            if path[0] == CLOUDFLARE:
                return cloudflare(self, asked, query, _json(body) if authorized else None, authorized)
            return vercel(self, asked, query, authorized)

    def keep(self) -> None:
        """Write down what is deployed, and tell the website."""
        with self.turn:
            _write(self.folder / DEPLOYED, self.deployed)
            serving = self.deployed[VERCEL]["serving"]
            one = next(one for one in self.deployed[VERCEL]["deployments"] if one["uid"] == serving)
            _write(self.site / RELEASE, {"version": one["meta"]["githubCommitSha"], **one["is"]})


class Api(BaseHTTPRequestHandler):
    """HTTP around it."""

    server: Platforms
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MOST_BODY))
        given = {name.lower(): value for name, value in self.headers.items()}
        status, told = self.server.answer(self.command, self.path, given, body)
        said = b"" if told is None else told.encode() if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET  # noqa: N815 - http.server's own name

    def log_message(self, *_: object) -> None:
        """Supervisor keeps what went wrong; who asked what is nobody's business."""


def beginning(now_ms: int) -> dict[str, Any]:
    """What is deployed in a new lab: two good versions, a build between them that failed, and the ill ones."""
    project = [
        _built(BEFORE, "4a7c1e0d9b32", now_ms - 9 * DAY_MS, "PROMOTED"),
        _built("dpl_failed", "77e0aa51c3f9", now_ms - 3 * DAY_MS, "STAGED", state="ERROR"),
        _built(LIVE, "c0ffee12ab34", now_ms - 2 * DAY_MS, "PROMOTED"),
        *(
            _built(uid, f"bad0{n}{ill}", now_ms - DAY_MS + n, "STAGED", ill)
            for n, (ill, uid) in enumerate(DRILLS.items())
        ),
    ]
    worker = [_deployment([(VERSIONS[n], 100)], now_ms - (9 - 3 * n) * DAY_MS) for n in (2, 1)]
    return {
        VERCEL: {"serving": LIVE, "asked": None, "deployments": project},
        CLOUDFLARE: {"versions": {uid: n for n, uid in VERSIONS.items()}, "deployments": worker, "invocations": [
            {"sum": {"requests": 5000, "errors": 0, "subrequests": 0},
             "quantiles": {"cpuTimeP50": 900.0, "cpuTimeP99": 4000.0}, "dimensions": {"status": "success"}},
        ]},
    }  # fmt: skip


def vercel(platforms: Platforms, asked: list[str], query: dict[str, list[str]], authorized: bool) -> Reply:
    """Vercel's answer to a request: its method, then the parts of its path."""
    if not authorized:
        return 403, {"error": {"code": "forbidden", "message": "Not authorized", "invalidToken": True}}
    there = platforms.deployed[VERCEL]
    match asked:
        case ["GET", "v9", "projects", name] if name in (PROJECT, PROJECT_ID):
            production = {"id": there["serving"], "readyState": "READY", "target": "production"}
            return 200, {
                "id": PROJECT_ID, "name": PROJECT, "targets": {"production": production},
                "lastAliasRequest": there["asked"],
            }  # fmt: skip
        case ["GET", "v7", "deployments"] if query.get("projectId") == [PROJECT_ID]:
            found = [_shown(one) for one in there["deployments"] if query.get("target") in (None, [one["target"]])]
            found.sort(key=lambda one: -int(one["created"]))
            found = found[: int(query.get("limit", ["20"])[0])]
            return 200, {"deployments": found, "pagination": {"count": len(found), "next": None, "prev": None}}
        case ["POST", version, "projects", str(project), "promote" | "rollback" as verb, uid] if project == PROJECT_ID:
            known = (version, verb) in (("v10", "promote"), ("v1", "rollback"))
            return _put(platforms, verb, uid) if known else _no("not_found", "Not Found", 404)
    return _no("not_found", "Not Found", 404)


def _put(platforms: Platforms, verb: str, uid: str) -> Reply:
    there = platforms.deployed[VERCEL]
    one = next((one for one in there["deployments"] if one["uid"] == uid), None)
    if one is None:
        return _no("not_found", "Deployment not found", 404)
    if (there["asked"] or {}).get("jobStatus") == "in-progress":
        return _no("conflict", "Another alias request is in progress", 409)
    if one["state"] != "READY" or (verb == "rollback" and one["readySubstate"] != "PROMOTED"):
        return _no("invalid_state", "This deployment cannot serve", 422)
    there["asked"] = {
        "fromDeploymentId": there["serving"], "toDeploymentId": uid, "jobStatus": "in-progress",
        "requestedAt": int(time.time() * 1000), "type": verb,
    }  # fmt: skip
    timer = threading.Timer(TAKES_S, _taken, (platforms, uid))
    timer.daemon = True
    timer.start()
    return (202 if verb == "promote" else 201), None


def _taken(platforms: Platforms, uid: str) -> None:
    with platforms.turn:
        there = platforms.deployed[VERCEL]
        there["serving"] = uid
        there["asked"]["jobStatus"] = "succeeded"
        next(one for one in there["deployments"] if one["uid"] == uid)["readySubstate"] = "PROMOTED"
        platforms.keep()


def _built(uid: str, commit: str, at_ms: int, stage: str, ill: str = "", state: str = "READY") -> dict[str, Any]:
    failed = {"errorCode": "BUILD_FAILED", "errorMessage": 'Command "npm run build" exited with 1'}
    return {
        "uid": uid, "name": PROJECT, "url": f"{PROJECT}-{commit}.vercel.example", "projectId": PROJECT_ID,
        "created": at_ms, "createdAt": at_ms, "state": state, "readyState": state, "readySubstate": stage,
        "target": "production", "creator": {"uid": "u1", "username": "ada"}, "meta": {"githubCommitSha": commit},
        **(failed if state == "ERROR" else {}), "is": ILL.get(ill, WELL),
    }  # fmt: skip


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    """Without what only the lab knows of it."""
    candidate = one["state"] == "READY" and one["readySubstate"] == "PROMOTED"
    return {**{name: value for name, value in one.items() if name != "is"}, "isRollbackCandidate": candidate}


def cloudflare(
    platforms: Platforms, asked: list[str], query: dict[str, list[str]], body: Any, authorized: bool
) -> Reply:
    """Cloudflare's answer, in its envelope; GraphQL has none."""
    if asked == ["GET", "signed", SIGNED]:
        return 200, _dump(platforms)
    if not authorized:
        return 401, _failed(1000, "Invalid API Token")
    there = platforms.deployed[CLOUDFLARE]
    if asked == ["GET", "user", "tokens", "verify"]:
        return 200, _done({"id": "t1", "status": "active"})
    if asked == ["POST", "graphql"]:
        return 200, {
            "data": {"viewer": {"accounts": [{"workersInvocationsAdaptive": there["invocations"]}]}}, "errors": None,
        }  # fmt: skip
    if asked[1:6] == ["accounts", ACCOUNT, "workers", "scripts", SCRIPT]:
        return _worker(platforms, asked[0], asked[6:], body)
    if asked[1:6] == ["accounts", ACCOUNT, "d1", "database", DATABASE]:
        return _d1(platforms, [asked[0], *asked[6:]], query, body)
    return 404, _failed(7003, "Could not route to the path, perhaps your object identifier is invalid?")


def _worker(platforms: Platforms, verb: str, what: list[str], body: Any) -> Reply:
    there = platforms.deployed[CLOUDFLARE]
    if (verb, what) == ("GET", ["deployments"]):
        return 200, _done({"deployments": there["deployments"][:10]})
    if (verb, what) == ("GET", ["versions"]):
        return 200, _done({"items": [{"id": uid, "number": n} for uid, n in there["versions"].items()]})
    if (verb, what) == ("POST", ["deployments"]):
        return _deploy(platforms, body)
    return 404, _failed(7003, "Could not route to the path")


def _deploy(platforms: Platforms, body: Any) -> Reply:
    there = platforms.deployed[CLOUDFLARE]
    told = body if isinstance(body, dict) else {}
    shares = [(one.get("version_id"), one.get("percentage")) for one in told.get("versions", [])]
    if told.get("strategy") != "percentage" or sum(share or 0 for _, share in shares) != 100:
        return 400, _failed(10021, "The percentages have to add up to 100")
    if any(uid not in there["versions"] for uid, _ in shares):
        return 404, _failed(10007, "This version does not exist")
    made = _deployment(shares, int(time.time() * 1000), told.get("annotations") or {})
    there["deployments"].insert(0, made)
    platforms.keep()
    return 200, _done(made)


def _deployment(shares: list[tuple[Any, Any]], at_ms: int, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    versions = [{"version_id": uid, "percentage": share} for uid, share in shares]
    return {
        "id": f"deployment-{at_ms}", "created_on": at, "source": "api", "strategy": "percentage", "versions": versions,
        "author_email": "ada@example.com", "annotations": annotations or {},
    }  # fmt: skip


def _d1(platforms: Platforms, asked: list[str], query: dict[str, list[str]], body: Any) -> Reply:
    told = body if isinstance(body, dict) else {}
    match asked:
        case ["POST", "query"]:
            return _queried(platforms, str(told.get("sql")), told.get("params") or [])
        case ["GET", "time_travel", "bookmark"]:
            return 200, _done({"bookmark": f"00000085-0000024c-{query.get('timestamp', ['now'])[0]}"})
        case ["POST", "export"] if "current_bookmark" not in told:
            return 200, _done({"at_bookmark": "00000085", "success": True, "messages": ["Begun"]})
        case ["POST", "export"]:
            port = platforms.server_address[1]
            signed = {"filename": "d1.sql", "signed_url": f"http://127.0.0.1:{port}/{CLOUDFLARE}/signed/{SIGNED}"}
            return 200, _done({"at_bookmark": "00000085", "status": "complete", "success": True, "result": signed})
    return 404, _failed(7003, "Could not route to the path")


def _queried(platforms: Platforms, sql: str, given: list[Any]) -> Reply:
    begun = time.perf_counter()
    file = platforms.folder / D1
    try:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as session:
            cursor = session.execute(sql, given)
            names = [column[0] for column in cursor.description or ()]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except sqlite3.Error as error:
        return 400, _failed(7500, f"{error}: SQLITE_ERROR")
    took_ms = (time.perf_counter() - begun) * 1000
    meta = {"duration": took_ms, "rows_read": len(found), "size_after": file.stat().st_size, "served_by": "lab"}
    return 200, _done([{"results": found, "success": True, "meta": meta}])


def _dump(platforms: Platforms) -> str:
    with contextlib.closing(sqlite3.connect(platforms.folder / D1)) as session:
        return "\n".join(line for line in session.iterdump() if not line.startswith(("BEGIN", "COMMIT"))) + "\n"


def _done(result: Any) -> dict[str, Any]:
    return {"success": True, "errors": [], "messages": [], "result": result}


def _failed(code: int, message: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}


def _json(body: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(body)
    return None


def _no(code: str, message: str, status: int) -> Reply:
    return status, {"error": {"code": code, "message": message}}


def _read(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        told = json.loads(file.read_text(encoding="utf-8"))
        return told if isinstance(told, dict) else {}
    return {}


def _write(file: Path, told: dict[str, Any]) -> None:
    """In one step: a half file would be read as none."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(told), encoding="utf-8")
    new.replace(file)


def main(folder: Path, port: int) -> None:
    os.umask(0o077)
    platforms = Platforms(folder, port)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=platforms.serve_forever, daemon=True).start()
    over.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
