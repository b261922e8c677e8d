"""The lab's container engine, a stand-in: it speaks Docker's Engine API, and its containers are the lab's own programs.

Started as a script, by its path: `python engine.py FOLDER PORT`. The lab is the folder around FOLDER. What is started,
stopped and restarted are programs of the lab's supervisor, and their output is the log. There is no image, no volume
and no container: `GET /version` says so.

Written after the Engine API's description, version 1.41, and compared with what Podman 4.3.1 answers. It knows GET
/_ping, /version, /system/df, /containers/json, /containers/{id}/json and /logs; POST /containers/{id}/start, /stop and
/restart.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import struct
import sys
import threading
import xmlrpc.client
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from deployments import supervise
from deployments.home import Part
from deployments.supervise import UP, Supervisor
from deployments.trouble import CannotStart

PROJECT = "lab"
# What compose would call them, and what they are to supervisor.
SERVICES = {"web": "website", "worker": "worker", "postgres": "postgres", "redis": "valkey"}
VERSION: dict[str, Any] = {
    "Platform": {"Name": "the lab's stand-in: programs under supervisor, no containers"},
    "Version": "the lab's stand-in",
    "ApiVersion": "1.41",
    "MinAPIVersion": "1.24",
}
NOTHING: dict[str, Any] = {"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": []}
NEVER = "0001-01-01T00:00:00Z"
# In supervisor's numbers: it waits before it starts again what ended at once, and it has given up.
BACKOFF = 30
# What docker says of one that was asked to end, and of one that was ended.
ASKED, KILLED = 143, 137
TAIL, MOST_LOG_BYTES = 1000, 1_000_000
# A status, and what is sent: JSON, bytes as they are, or nothing.
Reply = tuple[int, Any]


def id_of(service: str) -> str:
    """What a container is called here for as long as the lab is there."""
    return hashlib.sha256(f"{PROJECT}/{service}".encode()).hexdigest()


class Engine(ThreadingHTTPServer):
    """The lab's programs, by the ids of the containers they stand for."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.part = Part(folder.parent)
        self.services = {id_of(service): service for service in SERVICES}
        super().__init__(("127.0.0.1", port), Api)

    def answer(self, method: str, target: str) -> Reply:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = re.sub(r"^/v1\.\d+", "", unquote(parts.path))
        match (method, path):
            case ("GET", "/_ping"):
                return 200, b"OK"
            case ("GET", "/version"):
                return 200, VERSION
            case ("GET", "/system/df"):
                return 200, NOTHING
            case ("GET", "/containers/json"):
                return 200, self._listed(query)
        found = re.fullmatch(r"/containers/([0-9a-f]{64})/(json|logs|start|stop|restart)", path)
        if found is None:
            return 404, {"message": f"page not found: {method} {path[:200]}"}
        service = self.services.get(found[1])
        if service is None:
            return 404, {"message": f"No such container: {found[1]}"}
        if found[2] in ("json", "logs") and method == "GET":
            return 200, self._shown(service) if found[2] == "json" else self._log(service, query)
        return self._done(service, found[2]) if method == "POST" else (405, {"message": "method not allowed"})

    def _supervisor(self) -> Supervisor:
        running = supervise.connect(self.part)
        if running is None:
            raise CannotStart("no supervisor answers in this lab")
        return running

    def _listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        wanted = json.loads(query.get("filters", "{}")).get("label", [])
        all_ = query.get("all") in ("1", "true", "True")
        shown = [self._shown(service) for service in SERVICES]
        return [
            {"Id": one["Id"], "Names": [one["Name"]], "State": one["State"]["Status"], "Labels": labels}
            for one in shown
            if (labels := one["Config"]["Labels"])
            and (all_ or one["State"]["Running"])
            and all(labels.get(label.partition("=")[0]) == label.partition("=")[2] for label in wanted)
        ]

    def _shown(self, service: str) -> dict[str, Any]:
        info = self._supervisor()._call("getProcessInfo", SERVICES[service])
        running, again = info["state"] in UP, info["state"] == BACKOFF
        began, ended = _moment(info["start"]), _moment(info["stop"])
        return {
            "Id": id_of(service),
            "Name": f"/{PROJECT}-{service}-1",
            "Created": began if began != NEVER else _moment(1),
            "Image": f"sha256:{hashlib.sha256(service.encode()).hexdigest()}",
            # Supervisor starts it again, and counts only those that ended at once.
            "RestartCount": 0,
            "State": {
                "Status": "running" if running else "restarting" if again else "exited",
                "Running": running or again,
                "Paused": False,
                "Restarting": again,
                "OOMKilled": False,
                "Dead": False,
                "Pid": info["pid"],
                "ExitCode": 0 if running else _code(info),
                "Error": info["spawnerr"],
                "StartedAt": began,
                "FinishedAt": ended,
            },
            "Config": {
                "Image": f"lab/{SERVICES[service]}",
                "Tty": False,
                "Labels": {
                    "com.docker.compose.project": PROJECT,
                    "com.docker.compose.service": service,
                    "com.docker.compose.oneoff": "False",
                },
            },
            "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "Memory": 0, "NanoCpus": 0},
            "Mounts": [],
        }

    def _log(self, service: str, query: dict[str, str]) -> bytes:
        """Its output, as the engine mixes streams: each line behind its stream's number and its length."""
        tail = int(query.get("tail", TAIL)) if query.get("tail", "all") != "all" else TAIL
        file = self.part.log(SERVICES[service])
        with file.open("rb") as written:
            written.seek(max(0, file.stat().st_size - MOST_LOG_BYTES))
            lines = written.read().splitlines(keepends=True)[-tail:]
        return b"".join(struct.pack(">BxxxL", 1, len(line)) + line for line in lines)

    def _done(self, service: str, verb: str) -> Reply:
        running, name = self._supervisor(), SERVICES[service]
        up = running.state(name) in UP
        if verb == "start":
            if not up:
                running.start(name)
        elif verb == "stop":
            running.stop(name)
        elif verb == "restart":
            running.restart(name)
        else:
            return 405, {"message": "method not allowed"}
        return (304, None) if (verb, up) in (("start", True), ("stop", False)) else (204, None)


class Api(BaseHTTPRequestHandler):
    """One request."""

    server: Engine

    def _answer(self) -> None:
        try:
            status, body = self.server.answer(self.command, self.path)
        except (CannotStart, xmlrpc.client.Fault, OSError, ValueError) as error:
            status, body = 500, {"message": str(error)}
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.send_header("Api-Version", VERSION["ApiVersion"])
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Who asks is in nobody's way."""


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z") if at else NEVER


def _code(info: dict[str, Any]) -> int:
    """Supervisor says -1 of one that was ended by a signal, and nothing of which."""
    code = int(info["exitstatus"])
    return code if code >= 0 else KILLED if info["statename"] != "STOPPED" else ASKED


def main(folder: Path, port: int) -> None:
    engine = Engine(folder, port)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=engine.serve_forever, daemon=True).start()
    over.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
