"""The door to a provider's public status page, as Atlassian Statuspage and those who imitate it publish it.

`GET {url}/api/v2/summary.json`: `status.indicator` (none, minor, major, critical, maintenance), `components` with their
`status`, and the `incidents` that are not resolved. Imitations leave fields out: only the indicator is required.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, Field

from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System

SUMMARY = "/api/v2/summary.json"
# A page with hundreds of components has some 200 kB.
LARGEST = 4_000_000

_log = logging.getLogger(__name__)


def _page(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be the page's address, like https://status.example.com")
    return url.rstrip("/").removesuffix(SUMMARY)


@dataclass(frozen=True, kw_only=True)
class Component:
    """A part of the provider's service and the state it gives for it, such as `operational`."""

    name: str
    status: str


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """An incident that the provider has not resolved."""

    name: str
    status: str
    impact: str
    link: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the page says now; `updated` as the page writes it."""

    provider: str
    indicator: str
    description: str
    updated: str
    components: tuple[Component, ...]
    troubles: tuple[Trouble, ...]


class StatusPage(System):
    """A provider's status page, and which of its components are ours to care about."""

    kind: ClassVar[str] = "status_page"
    config_lines: ClassVar[str] = (
        'url = "https://status.example.com"      # the page of who runs your database\n'
        'components = ["Database"]               # the parts you use, as the page names them'
    )

    url: Annotated[str, AfterValidator(_page)]
    components: tuple[str, ...] = ()
    timeout_s: float = Field(default=5, gt=0, le=30)

    def summary(self) -> Summary:
        """Ask the page.

        Raises:
            CannotLook: it cannot be reached, is too slow, or in trouble itself. Refused: it is no such page.
        """
        return _summary(self._fetched(), self.url)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            summary = self.summary()
        except CannotLook as error:
            yield Finding.unknown(error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{self.url} tells the status of {summary.provider}.")

    def _bounded(self, reply: httpx.Response) -> bytes:
        # httpx limits each wait, not their sum: a page that drips would never end.
        until = time.monotonic() + self.timeout_s
        body = b""
        for piece in reply.iter_bytes():
            body += piece
            if len(body) > LARGEST:
                raise _no_page(self.url)
            if time.monotonic() > until:
                raise CannotLook(f"{self.url} did not answer within {self.timeout_s:g} s.")
        return body

    def _fetched(self) -> Any:
        try:
            with httpx.stream(
                "GET",
                self.url + SUMMARY,
                timeout=self.timeout_s,
                follow_redirects=True,
                headers={"Accept": "application/json"},
            ) as reply:
                if reply.status_code >= 500 or reply.status_code == 429:
                    raise CannotLook(f"{self.url} answers {reply.status_code}: its status page is in trouble itself.")
                if reply.status_code != 200 or "json" not in reply.headers.get("content-type", ""):
                    raise _no_page(self.url)
                return json.loads(self._bounded(reply))
        except httpx.HTTPError as error:
            _log.info("%s: %s", self.url, error)
            raise CannotLook(
                f"{self.url} cannot be read: {type(error).__name__}.", remedy="Look at the page from elsewhere."
            ) from None
        except ValueError:
            raise _no_page(self.url) from None


def _no_page(url: str) -> Refused:
    return Refused(
        f"{url} publishes no status in the form of Statuspage.",
        remedy=f"Open {url}{SUMMARY} in a browser: it should show JSON with status.indicator. Correct the url.",
    )


def _summary(body: Any, url: str) -> Summary:
    status = body.get("status") if isinstance(body, Mapping) else None
    if not isinstance(status, Mapping) or not status.get("indicator"):
        raise _no_page(url)
    page = body.get("page")
    page = page if isinstance(page, Mapping) else {}
    return Summary(
        provider=str(page.get("name") or urlsplit(url).hostname),
        indicator=str(status["indicator"]),
        description=str(status.get("description") or ""),
        updated=str(page.get("updated_at") or ""),
        components=tuple(
            Component(name=str(one.get("name")), status=str(one.get("status")))
            for one in _tables(body.get("components"))
            # A group is a heading; its own status repeats the worst of its children.
            if not one.get("group")
        ),
        troubles=tuple(
            Trouble(
                name=str(one.get("name")),
                status=str(one.get("status")),
                impact=str(one.get("impact")),
                link=str(one.get("shortlink") or ""),
            )
            for one in _tables(body.get("incidents"))
        ),
    )


def _tables(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
