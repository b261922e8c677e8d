"""A stand-in for the Docker engine on a socket of its own, by the Engine API's description, version 1.44.

It knows the few paths that are asked here: GET /version, /system/df, /containers/{id}/json, /images/{id}/json; DELETE
/containers/{id}, /images/{id}. Each refuses what the description says is refused (404, 409). Anything else, above all a
prune, is answered with 404 and stands in `asked`. It was compared by hand with a Podman 4.3, whose ways it can show.
"""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ZERO = "0001-01-01T00:00:00Z"


@dataclass
class Engine:
    """What it holds, and what it was asked to do."""

    socket: Path
    version: str = "1.51"
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    cache: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
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
            "Config": {"Image": "app:1", "Labels": more.get("labels", {})},
            "HostConfig": {"RestartPolicy": {"Name": more.get("restart", "no"), "MaximumRetryCount": 0}},
            "Mounts": [{"Type": "volume", "Name": volume} for volume in more.get("volumes", ())],
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
        if split.path == "/version":
            return 200, {"Version": "28.2.2", "ApiVersion": self.version, "MinAPIVersion": "1.24"}
        place = re.sub(r"^/v1\.\d+", "", split.path)
        if (verb, place) == ("GET", "/system/df"):
            return 200, self.usage()
        if found := re.fullmatch(r"/(images|containers)/([^/]+)(/json)?", place):
            kind, name = found[1], found[2].replace("%3A", ":")
            there: dict[str, dict[str, Any]] = getattr(self, kind)
            if name not in there:
                return 404, {"message": f"No such {kind.removesuffix('s')}: {name}"}
            if verb == "GET":
                return 200, there[name]
            return self._delete(kind, there, name)
        return 404, {"message": "page not found"}

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


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def running(socket: Path) -> Iterator[Engine]:
    """The engine, until the end of the block."""
    engine = Engine(socket)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            status, body = engine.answer(self.command, self.path)
            sent = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_DELETE = do_POST = _answer  # noqa: N815 - http.server's names

        def address_string(self) -> str:
            return "socket"

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with _Server(str(socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield engine
        server.shutdown()
        thread.join()


def _text(at: datetime) -> str:
    """As Go writes it: nanoseconds."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}789Z"
