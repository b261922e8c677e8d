"""One conversation with a Docker engine: where it listens, in which version it speaks, and what its errors mean.

The only file in tasks/ that knows docker's client, which Prefect brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Refused

# Docker 29 speaks nothing older, and Docker 25 nothing newer. An older engine is spoken to in its own version.
VERSION = (1, 44)
# Since 1.31 an image's shared size is told; before, what goes with one cannot be said.
OLDEST = (1, 31)
R = TypeVar("R")


class Gone(Refused):
    """There is no such container or image, or not any more."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where it listens: `unix:///…` or `tcp://host:port`, there with the files by which both sides know each other."""

    url: str
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def said(self) -> str:
        return self.url.removeprefix("unix://")


def told(way: Way, ask: Callable[[Any], R], limit_s: float) -> R:
    """What `ask` hears from docker's client; `limit_s` is for each of its silences.

    Raises:
        Refused: the engine says no, is too old, or is no engine. Gone: it does not have what was asked for.
        CannotLook: it does not answer.
    """
    from docker.errors import APIError, DockerException, NotFound

    # Of the client, which lets them through.
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        with _client(way, limit_s) as client:
            return ask(client)
    except APIError as error:
        says = f"The engine at {way.said} says: {excerpt(error.explanation or str(error), 300)}"
        passes = error.response is None or error.response.status_code >= 500
        raise (Gone if isinstance(error, NotFound) else CannotLook if passes else Refused)(says) from error
    except ValidationError as error:
        raise Refused(f"{way.said} does not speak as a Docker engine: {_first(error)}.") from error
    except (LookupError, TypeError, AttributeError) as error:
        # Of the client, which takes answers for what they should be.
        says = f"{way.said} does not speak as a Docker engine: {type(error).__name__} {excerpt(str(error), 100)}."
        raise Refused(says) from error
    except (DockerException, RequestException, HTTPError, OSError, ValueError) as error:
        raise CannotLook(f"No engine answers at {way.said}: {excerpt(str(error), 200)}", remedy=_remedy(way)) from error


def inspected(client: Any, id: str) -> Any:  # noqa: A002 - the engine's word
    """What the engine tells of a container that was listed; None: it went meanwhile."""
    from docker.errors import NotFound

    try:
        return client.inspect_container(id)
    except NotFound:
        return None


@contextmanager
def _client(way: Way, limit_s: float) -> Iterator[Any]:
    """One that speaks the version both know.

    Raises:
        Refused: the engine is too old. Whatever the client raises passes through.
    """
    from docker import APIClient

    asked = APIClient(base_url=way.url, version=_text(VERSION), timeout=limit_s, tls=_tls(way))
    # REQUESTS_CA_BUNDLE would be believed in place of `ca`, and a proxy would be shown all that root may do.
    asked.trust_env = False
    try:
        newest = tuple(map(int, _newest(asked).split(".")))
        if newest < OLDEST:
            raise Refused(f"{way.said} speaks version {_text(newest)}; {_text(OLDEST)} is the oldest we know.")
        asked._version = _text(min(newest, VERSION))
        yield asked
    finally:
        asked.close()


def _newest(asked: Any) -> str:
    """The newest version that the engine speaks.

    By the header of its ping: for `GET /version` Podman runs half a dozen programs, which takes seconds on a machine
    that is busy.
    """
    pinged = asked._get(asked._url("/_ping", versioned_api=False))
    return str(pinged.headers.get("Api-Version") or asked.version(api_version=False)["ApiVersion"])


def _tls(way: Way) -> Any:
    from docker.tls import TLSConfig

    if way.ca is None:
        return False
    return TLSConfig(client_cert=(str(way.cert), str(way.key)), ca_cert=str(way.ca), verify=True)


def _remedy(way: Way) -> str:
    if way.ca is not None:
        return "Is it running, does it listen there, and do `ca`, `cert` and `key` belong to it?"
    return "Is it running, and may the worker open the socket (group docker)? A rootless one lies elsewhere."


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
