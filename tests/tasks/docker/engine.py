"""A stand-in for the Docker engine on a socket of its own, by the Engine API's description, version 1.44.

It knows the few paths that are asked here: GET /_ping, /version, /system/df, /containers/json (by label),
/containers/{id}/json, /logs and /stats, /images/json, /images/{id}/json; POST /containers/{id}/start, /restart, /stop;
DELETE /containers/{id}, /images/{id}. Each refuses what the description says is refused (404, 409). Anything else,
above all a prune, is answered with 404 and stands in `asked`. It was compared by hand with a Podman 4.3, whose ways it
can show.
"""

from __future__ import annotations

import json
import re
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ZERO = "0001-01-01T00:00:00Z"


@dataclass
class Engine:
    """What it holds, and what it was asked to do."""

    socket: Path
    version: str = "1.51"
    # Without the version in the header, as engines of long ago do.
    pings_in_silence: bool = False
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    cache: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    # What each container wrote, and what it uses; and what becomes of those that are started: status and exit code.
    logs: dict[str, bytes] = field(default_factory=dict)
    stats: dict[str, dict[str, Any]] = field(default_factory=dict)
    becomes: dict[str, tuple[str, int]] = field(default_factory=dict)
    # Images whose removal is refused; True: and done all the same.
    refuses: dict[str, bool] = field(default_factory=dict)

    def image(self, number: int, *tags: str, days: float = 30, size: int = 2**30, shared: int = 0) -> str:
        """One that was built so many days ago."""
        built = int((datetime.now(UTC) - timedelta(days=days)).timestamp())
        name = f"sha256:{number:064x}"
        self.images[name] = {
            "Id": name,
            "ParentId": "",
            "RepoTags": list(tags),
            "RepoDigests": [],
            "Created": built,
            "Labels": None,
            "Size": size,
            "SharedSize": shared,
        }
        return name

    def container(
        self, number: int, name: str, image: str, *, days: float = 30, state: str = "exited", **more: Any
    ) -> str:
        """One that ended so many days ago. `more`: restart, labels, volumes, bytes."""
        ended = _text(datetime.now(UTC) - timedelta(days=days))
        made = _text(datetime.now(UTC) - timedelta(days=days, hours=1))
        told = f"{number:064x}"
        finished = ended if state in ("exited", "dead") else ZERO
        self.containers[told] = {
            "Id": told,
            "Name": f"/{name}",
            "Created": made,
            "Image": image,
            "SizeRw": more.get("bytes", 100),
            "State": {"Status": state, "Running": state == "running", "ExitCode": 0, "FinishedAt": finished},
            "Config": {"Image": "app:1", "Tty": False, "Labels": more.get("labels", {})},
            "HostConfig": {"RestartPolicy": {"Name": more.get("restart", "no"), "MaximumRetryCount": 0}},
            "Mounts": [{"Type": "volume", "Name": volume} for volume in more.get("volumes", ())],
        }
        return told

    def service(self, number: int, service: str, *, minutes: float = 60, code: int | None = None, **more: Any) -> str:
        """A container of the project `shop` that began so many minutes ago; with a `code`, ended then. `more`: state,
        health, restarts, oneoff, memory, project, and what `State` tells besides.
        """
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        labels = {
            "com.docker.compose.project": more.pop("project", "shop"),
            "com.docker.compose.service": service,
            "com.docker.compose.oneoff": more.pop("oneoff", "False"),
        }
        status = more.pop("state", "running" if code is None else "exited")
        host = {"Memory": more.pop("memory", 0), "NanoCpus": more.pop("cpus", 0)}
        restarts, health, name = (
            more.pop("restarts", 0),
            more.pop("health", None),
            more.pop("name", f"shop-{service}-1"),
        )
        told = self.container(number, name, f"sha256:{99:064x}", state=status, labels=labels, restart="always")
        self.containers[told]["RestartCount"] = restarts
        self.containers[told]["HostConfig"] |= host
        self.containers[told]["State"] |= {
            "Running": status in ("running", "restarting", "paused"),
            "Restarting": status == "restarting",
            "Paused": status == "paused",
            "ExitCode": code or 0,
            "StartedAt": _text(at if code is None else at - timedelta(minutes=5)) if status != "created" else ZERO,
            "FinishedAt": _text(at) if code is not None else ZERO,
            **({"Health": health} if health else {}),
            **more,
        }
        return told

    def volume(self, name: str, size: int, referred_to: int) -> None:
        """One, of so many bytes, that so many containers refer to."""
        self.volumes.append({"Name": name, "Driver": "local", "UsageData": {"Size": size, "RefCount": referred_to}})

    @property
    def deleted(self) -> list[str]:
        return [asked for asked in self.asked if not asked.startswith("GET ")]

    def usage(self) -> dict[str, Any]:
        """GET /system/df."""
        using = [one["Image"] for one in self.containers.values()]
        return {
            "LayersSize": 0,
            "Images": [{**one, "Containers": using.count(name)} for name, one in self.images.items()],
            "Containers": [
                {"Id": id_, "ImageID": one["Image"], "State": one["State"]["Status"], "SizeRw": one["SizeRw"]}
                for id_, one in self.containers.items()
            ],
            "Volumes": self.volumes,
            "BuildCache": self.cache or None,
        }

    def answer(self, verb: str, path: str) -> tuple[int, Any]:
        """By the description of 1.44."""
        split = urlsplit(path)
        given = {name: values[0] for name, values in parse_qs(split.query).items()}
        self.asked.append(f"{verb} {split.path}" + (f" {given}" if given else ""))
        if split.path == "/_ping":
            return 200, b"OK"
        if split.path == "/version":
            return 200, {"Version": "28.2.2", "ApiVersion": self.version, "MinAPIVersion": "1.24"}
        place = re.sub(r"^/v1\.\d+", "", split.path)
        if (verb, place) == ("GET", "/system/df"):
            return 200, self.usage()
        if (verb, place) == ("GET", "/images/json"):
            return 200, list(self.images.values())
        if (verb, place) == ("GET", "/containers/json"):
            return 200, self._listed(json.loads(given.get("filters", "{}")))
        if found := re.fullmatch(r"/containers/([^/]+)/(start|restart|stop|logs|stats)", place):
            return self._done(found[1], found[2], given)
        if found := re.fullmatch(r"/(images|containers)/([^/]+)(/json)?", place):
            kind, name = found[1], found[2].replace("%3A", ":")
            there: dict[str, dict[str, Any]] = getattr(self, kind)
            if name not in there:
                return 404, {"message": f"No such {kind.removesuffix('s')}: {name}"}
            if verb == "GET":
                return 200, there[name]
            return self._delete(kind, there, name)
        return 404, {"message": "page not found"}

    def _listed(self, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        wanted = [label.split("=", 1) for label in filters.get("label", [])]
        return [
            {"Id": name, "Names": [one["Name"]], "State": one["State"]["Status"], "Labels": one["Config"]["Labels"]}
            for name, one in self.containers.items()
            if all(one["Config"]["Labels"].get(label) == value for label, value in wanted)
        ]

    def _done(self, name: str, what: str, given: dict[str, str]) -> tuple[int, Any]:
        one = self.containers.get(name)
        if one is None:
            return 404, {"message": f"No such container: {name}"}
        if what == "logs":
            return 200, self._frames(name, int(given["tail"]))
        if what == "stats":
            return 200, self.stats.get(name, {})
        state = one["State"]
        if what == "start" and state["Running"]:
            return 304, None
        status, code = self.becomes.get(name, ("running", 0)) if what != "stop" else ("exited", 143)
        at = _text(datetime.now(UTC))
        state |= {"Status": status, "Running": status == "running", "ExitCode": code, "StartedAt": at}
        state["FinishedAt"] = at if status != "running" or what == "restart" else state["FinishedAt"]
        if "Health" in state:
            state["Health"] = {"Status": "starting", "FailingStreak": 0, "Log": None}
        return 204, None

    def _frames(self, name: str, tail: int) -> bytes:
        """As the engine mixes two streams: each piece behind its stream's number and its length."""
        lines = self.logs.get(name, b"").splitlines(keepends=True)[-tail:]
        return b"".join(struct.pack(">BxxxL", 1 + number % 2, len(line)) + line for number, line in enumerate(lines))

    def _delete(self, kind: str, there: dict[str, dict[str, Any]], name: str) -> tuple[int, Any]:
        if kind == "containers":
            if there[name]["State"]["Running"]:
                return 409, {"message": f"cannot remove container {name}: container is running"}
            del there[name]
            return 204, None
        if name in self.refuses:
            if self.refuses[name]:
                del there[name]
            return 409, {"message": "image is in use"}
        if any(one["Image"] == name for one in self.containers.values()):
            return 409, {"message": f"conflict: unable to delete {name} (must be forced)"}
        del there[name]
        return 200, [{"Deleted": name}]


class _Local(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Remote(ThreadingHTTPServer):
    """Shakes hands in the thread of each visitor: whoever cannot does not end it."""

    daemon_threads = True
    tls: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self.tls.wrap_socket(request, server_side=True) as line:
            super().finish_request(line, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A visitor that is not let in."""


@contextmanager
def running(socket: Path) -> Iterator[Engine]:
    """The engine, until the end of the block."""
    engine = Engine(socket)
    with _Local(str(socket), _handler(engine)) as server, _served(server):
        yield engine


@contextmanager
def remote(tls: ssl.SSLContext) -> Iterator[tuple[Engine, str]]:
    """One that listens on a port, by TLS, and its address."""
    engine = Engine(Path("/nowhere"))
    with _Remote(("127.0.0.1", 0), _handler(engine)) as server:
        server.tls = tls
        with _served(server):
            yield engine, f"tcp://127.0.0.1:{server.server_address[1]}"


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join()


def _handler(engine: Engine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            status, body = engine.answer(self.command, self.path)
            sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            if not engine.pings_in_silence:
                self.send_header("Api-Version", engine.version)
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_DELETE = do_POST = _answer  # noqa: N815 - http.server's names

        def address_string(self) -> str:
            return "socket"

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


def _text(at: datetime) -> str:
    """As Go writes it: nanoseconds."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}789Z"
