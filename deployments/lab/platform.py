"""The lab's hosted platforms, a stand-in: Vercel, where the lab's website is deployed.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python platform.py FOLDER PORT`. FOLDER holds `token`, and `site`, the folder of the website, which obeys the
`release.json` there: the version that serves, and how it is ill. What is deployed is kept in `deployed.json`.

Written after vercel/sdk@426eb4b7 (Apache-2.0) and Vercel's REST reference. Nobody is asked, and nothing is built: what
is ill lies there as deployments that were built and put nowhere (readySubstate STAGED), for drills to promote.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN, SITE, DEPLOYED, RELEASE = "token", "site", "deployed.json", "release.json"
VERCEL = "vercel"
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
DAY_MS = 86_400_000
# A promotion takes a moment, as it does there.
TAKES_S = 0.3
MOST_BODY = 1_000_000
# A status, and what is sent as JSON; None: an empty body.
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

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:  # noqa: ARG002 - Cloudflare's
        parts = urlsplit(target)
        path = [unquote(part) for part in parts.path.strip("/").split("/")]
        if path[1:] == ["api", "v2", "summary.json"]:
            return 200, {"page": {"name": "Vercel of the lab"}, "status": {"indicator": "none", "description": "Well"}}
        authorized = headers.get("authorization") == f"Bearer {self._token}"
        with self.turn:
            return vercel(self, [method, *path[1:]], parse_qs(parts.query), authorized)

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
        said = b"" if told is None else json.dumps(told).encode()
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
    return {VERCEL: {"serving": LIVE, "asked": None, "deployments": project}}


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
