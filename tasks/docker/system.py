"""The door to a Docker engine on this machine, or to Podman, which speaks the same: by its socket.

The only file in tasks/ that knows docker's client, which Prefect brings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import Field, ValidationError

from tasks.docker.replies import Container, ImageDetail, Usage
from tasks.excerpt import excerpt
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System

# Docker 29 speaks nothing older, and Docker 25 nothing newer. An older engine is spoken to in its own version.
VERSION = (1, 44)
# Since 1.31 an image's shared size is told; before, what goes with one cannot be said.
OLDEST = (1, 31)
_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
R = TypeVar("R")


class Docker(System):
    """The engine behind `socket`. Whoever may speak to it is root on this machine: give it to the worker only if you
    would give it that.

    Never removed are volumes, images with a name, and containers of a service; and nothing by a word that takes
    whatever fits ("prune"), only what was listed, one by one.
    """

    kind: ClassVar[str] = "docker"
    config_lines: ClassVar[str] = (
        'socket = "/var/run/docker.sock"  # who may speak to it is root on this machine\n'
        "older_than_days = 7              # what was left behind since is kept: somebody may still look at it"
    )

    socket: Path = Path("/var/run/docker.sock")
    older_than_days: int = Field(default=7, ge=1, le=3650)
    # It counts every file of every volume for it.
    limit_s: float = Field(default=120, gt=0, le=900)

    def usage(self) -> Usage:
        """What takes room: images, containers, volumes, build cache, as `docker system df -v` shows it.

        Raises:
            CannotLook, Refused: the engine does not tell.
        """
        return self._told(lambda client: Usage.model_validate(client.df()))

    def container(self, id: str) -> Container | None:  # noqa: A002 - the engine's word
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
            told = self._told(lambda client: client.version(api_version=False))
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        named = excerpt(str(told.get("Version", "")), 40)
        yield Finding(verdict=Verdict.OK, says=f"The engine at {self.socket} answers: {named}.")

    def _one(self, id: str, ask: Callable[[Any], R]) -> R | None:  # noqa: A002
        from docker.errors import NotFound

        if not _ID.fullmatch(id):
            raise Refused(f"{excerpt(id, 80)!r} is no id of an image or a container.")
        try:
            return self._told(ask)
        except CannotLook as error:
            if isinstance(error.__cause__, NotFound):
                return None
            raise

    def _told(self, ask: Callable[[Any], R]) -> R:
        from docker import APIClient
        from docker.errors import APIError, DockerException

        # Of the client, which lets them through.
        from requests.exceptions import RequestException

        try:
            with _client(APIClient, f"unix://{self.socket}", self.limit_s) as client:
                return ask(client)
        except APIError as error:
            says = f"The engine at {self.socket} says: {excerpt(error.explanation or str(error), 300)}"
            passes = error.response is None or error.response.status_code >= 500
            raise (CannotLook if passes else Refused)(says) from error
        except ValidationError as error:
            raise Refused(f"{self.socket} does not speak as a Docker engine: {_first(error)}.") from error
        except (DockerException, RequestException, OSError, ValueError) as error:
            remedy = "Is it running, and may the worker open the socket (group docker)? A rootless one lies elsewhere."
            raise CannotLook(
                f"No engine answers at {self.socket}: {excerpt(str(error), 200)}", remedy=remedy
            ) from error


@contextmanager
def _client(client: Any, url: str, limit_s: float) -> Iterator[Any]:
    """One that speaks the version both know.

    Raises:
        Refused: the engine is too old. Whatever the client raises passes through.
    """
    asked = client(base_url=url, version=_text(VERSION), timeout=limit_s)
    try:
        told = tuple(map(int, str(asked.version(api_version=False)["ApiVersion"]).split(".")))
        if told < OLDEST:
            raise Refused(f"{url} speaks version {_text(told)}; {_text(OLDEST)} is the oldest we know.")
        asked._version = _text(min(told, VERSION))
        yield asked
    finally:
        asked.close()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
