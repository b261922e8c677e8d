"""The door to a Docker engine, or to Podman, which speaks the same: on this machine by its socket, elsewhere by TLS."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from tasks.docker.engine import Gone, Way, inspected, told
from tasks.docker.replies import PROJECT, Container, Image, ImageDetail, Listed, Stats, Usage
from tasks.excerpt import excerpt
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System

_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
# What compose takes for a project's name.
_NAME = r"^[a-z0-9][a-z0-9_-]*$"
# A page of a person's; a stack of more is looked at in parts.
MOST_CONTAINERS = 200
# Of a log: what a sentence needs, whatever a program writes into one line.
MOST_LOG_BYTES = 64 * 1024
# One silence: whoever waits for a dozen questions waits ten seconds in all.
ANSWERS_WITHIN_S = 5.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")
R = TypeVar("R")


class Docker(System):
    """The engine behind `socket`, or `url`. Whoever may speak to it is root on its machine: give it to the worker only
    if you would give it that.

    `project` is a compose project; its services are looked at and restarted. `services` must be there, `jobs` may end.

    Never removed are volumes, images with a name, and containers of a service; nothing is done by a word that takes
    whatever fits ("prune"), only what was listed, one by one. Nothing is pulled (an unpinned name may jump a major, and
    a database does not start on the older one's files), scaled (a published port and a fixed name exist once), or made
    anew by compose (which makes its neighbours anew, too).
    """

    kind: ClassVar[str] = "docker"
    config_lines: ClassVar[str] = (
        'socket = "/var/run/docker.sock"  # who may speak to it is root on this machine\n'
        'project = "shop"                 # compose\'s name for the stack: `docker compose ls`\n'
        "older_than_days = 7              # what was left behind since is kept: somebody may still look at it"
    )

    socket: Path = Path("/var/run/docker.sock")
    url: str | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    project: str | None = Field(default=None, pattern=_NAME)
    services: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    # Stopped in drills. Never set it in production.
    drill_service: str | None = None
    older_than_days: int = Field(default=7, ge=1, le=3650)
    # It counts every file of every volume for it.
    limit_s: float = Field(default=120, gt=0, le=900)

    @model_validator(mode="after")
    def _reached_safely(self) -> Docker:
        files = (self.ca, self.cert, self.key)
        if self.url is None:
            if any(files):
                raise ValueError("`ca`, `cert` and `key` are for a `url`")
            return self
        parts = urlsplit(self.url)
        if parts.scheme != "tcp" or not parts.hostname or parts.username or parts.path:
            raise ValueError("`url`: write tcp://HOST:PORT; a socket belongs in `socket`")
        if any(files) != all(files):
            raise ValueError("`ca`, `cert` and `key` go together")
        if not all(files) and parts.hostname not in LOOPBACK:
            raise ValueError("`url` without `ca`, `cert` and `key`: whoever reaches it would be root there")
        return self

    @property
    def way(self) -> Way:
        if self.url is None:
            return Way(url=f"unix://{self.socket}")
        return Way(url=self.url, ca=self.ca, cert=self.cert, key=self.key)

    @property
    def stack(self) -> str:
        """The compose project.

        Raises:
            Refused: none is configured.
        """
        if self.project is None:
            raise Refused(
                "Which containers belong together is not said: `project` is missing.",
                remedy='project = "shop"  # in [environments.….systems.docker]; `docker compose ls` shows the names',
            )
        return self.project

    def usage(self) -> Usage:
        """What takes room: images, containers, volumes, build cache, as `docker system df -v` shows it.

        Raises:
            CannotLook, Refused: the engine does not tell.
        """
        return told(self.way, lambda client: Usage.model_validate(client.df()), self.limit_s)

    def containers(self) -> Sequence[Container]:
        """Those of the compose project, its one-off ones apart, running or not, in the order of their names.

        Raises:
            CannotLook, Refused: the engine does not tell, or no project is configured.
        """
        label = f"{PROJECT}={self.stack}"

        def ask(client: Any) -> list[Container]:
            listed = [Listed.model_validate(one) for one in client.containers(all=True, filters={"label": [label]})]
            if len(listed) > MOST_CONTAINERS:
                raise Refused(f"{self.stack} has {len(listed)} containers; {MOST_CONTAINERS} are looked at at most.")
            found = [inspected(client, _id(one.id)) for one in listed]
            return [Container.model_validate(one) for one in found if one is not None]

        return sorted((one for one in self._quick(ask) if not one.one_off), key=lambda one: one.name)

    def images(self) -> Sequence[Image]:
        """Those that are here, without the layers between them; what once had a name still tells its digest.

        Raises:
            CannotLook, Refused: the engine does not tell.
        """
        return self._quick(lambda client: [Image.model_validate(one) for one in client.images()])

    def stats(self, id: str) -> Stats:  # noqa: A002 - the engine's word
        """What a running container uses just now.

        Raises:
            CannotLook, Refused: the engine does not tell, or it does not run.
        """
        return self._quick(lambda client: Stats.model_validate(client.stats(_id(id), stream=False)))

    def log(self, id: str, *, lines: int, since: datetime | None = None) -> list[str]:  # noqa: A002
        """The last lines that a container wrote, of both its streams; since a moment, if given. Shown as excerpts only.

        Raises:
            CannotLook, Refused: the engine does not tell, or keeps no log of it.
        """
        more = {"since": max(since.timestamp(), 1.0)} if since else {}

        def ask(client: Any) -> bytes:
            # Without `follow` of our own, the client would wait for what is written next.
            pieces = client.logs(_id(id), stdout=True, stderr=True, stream=True, follow=False, tail=lines, **more)
            until, heard = time.monotonic() + ANSWERS_WITHIN_S, b""
            for piece in pieces:
                # The end counts: of endless lines the last bytes are kept.
                heard = (heard + piece)[-MOST_LOG_BYTES:]
                if time.monotonic() > until:
                    break
            pieces.close()
            return heard

        return self._quick(ask).decode(errors="replace").splitlines()[-lines:]

    def start(self, id: str) -> None:  # noqa: A002
        """Start a container that does not run, with the configuration it has.

        Raises:
            Refused: it cannot be started. CannotLook: the engine does not answer, and may have done it.
        """
        told(self.way, lambda client: client.start(_id(id)), self.limit_s)

    def restart(self, id: str, stop_within_s: int) -> None:  # noqa: A002
        """Ask a container to stop, for so many seconds; end it then, and start it again with the configuration it has.

        Raises:
            Refused: it cannot be started. CannotLook: the engine does not answer, and may have done it.
        """
        told(self.way, lambda client: client.restart(_id(id), timeout=stop_within_s), self.limit_s)

    def stop(self, id: str, stop_within_s: int) -> None:  # noqa: A002
        """Stop a container, for a drill.

        Raises:
            Refused: it cannot be stopped. CannotLook: the engine does not answer, and may have done it.
        """
        told(self.way, lambda client: client.stop(_id(id), timeout=stop_within_s), self.limit_s)

    def container(self, id: str) -> Container | None:  # noqa: A002
        """One container; None: it is gone.

        Raises:
            CannotLook, Refused: the engine does not tell.
        """
        return self._one(id, lambda client: Container.model_validate(client.inspect_container(id)))

    def image(self, id: str) -> ImageDetail | None:  # noqa: A002
        """One image; None: it is gone.

        Raises:
            CannotLook, Refused: the engine does not tell.
        """
        return self._one(id, lambda client: ImageDetail.model_validate(client.inspect_image(id)))

    def remove_container(self, id: str) -> None:  # noqa: A002
        """Remove a container that does not run; its volumes stay.

        Raises:
            Refused: it runs, or somebody removes it just now. CannotLook: the engine does not answer.
        """
        self._one(id, lambda client: client.remove_container(id, v=False, link=False, force=False))

    def remove_image(self, id: str) -> None:  # noqa: A002
        """Remove an image that nothing uses; what it was built on stays.

        Raises:
            Refused: something uses it. CannotLook: the engine does not answer.
        """
        self._one(id, lambda client: client.remove_image(id, force=False, noprune=True))

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            known = self._quick(lambda client: client.version(api_version=False))
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        named = excerpt(str(known.get("Version", "")), 40)
        yield Finding(verdict=Verdict.OK, says=f"The engine at {self.way.said} answers: {named}.")

    def _quick(self, ask: Callable[[Any], R]) -> R:
        return told(self.way, ask, min(self.limit_s, ANSWERS_WITHIN_S))

    def _one(self, id: str, ask: Callable[[Any], R]) -> R | None:  # noqa: A002
        _id(id)
        try:
            return told(self.way, ask, self.limit_s)
        except Gone:
            return None


def _id(given: str) -> str:
    if not _ID.fullmatch(given):
        raise Refused(f"{excerpt(given, 80)!r} is no id of an image or a container.")
    return given
