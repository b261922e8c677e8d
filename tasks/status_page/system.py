"""The door to a provider's public status page, as Atlassian Statuspage and those who imitate it publish it.

`GET {url}/api/v2/summary.json`: `status.indicator` (none, minor, major, critical, maintenance), `components` with their
`status`, and the `incidents` that are not resolved. Imitations leave fields out: only the indicator is required.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from tasks.model import CannotLook, Finding, Json, Refused, Verdict
from tasks.web.door import Door
from tasks.web.exchange import Limits
from tasks.web.system import HostedApi, http_url

SUMMARY = "/api/v2/summary.json"
# A page with hundreds of components has some 200 kB.
LARGEST = 4_000_000


def _page(url: str) -> str:
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


class StatusPage(HostedApi):
    """A provider's status page, and which of its components are ours to care about."""

    kind: ClassVar[str] = "status_page"
    config_lines: ClassVar[str] = (
        'url = "https://status.example.com"      # the page of who runs your database\n'
        'components = ["Database"]               # the parts you use, as the page names them'
    )

    url: Annotated[
        str,
        AfterValidator(http_url("the page's address, like https://status.example.com")),
        AfterValidator(_page),
    ]
    components: tuple[str, ...] = ()
    timeout_s: float = Field(default=5, gt=0, le=30)

    def summary(self) -> Summary:
        """Ask the page.

        Raises:
            CannotLook: it cannot be reached, is too slow, or in trouble itself. Refused: it is no such page.
        """
        answer = self._door.get(SUMMARY)
        if "json" not in answer.headers.get("content-type", ""):
            raise _no_page(self.url)
        return _summary(answer.body, self.url)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            summary = self.summary()
        except CannotLook as error:
            yield Finding.unknown(error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{self.url} tells the status of {summary.provider}.")

    @property
    def _door(self) -> Door:
        return Door(
            place=self.place(limits=Limits(total_s=self.timeout_s, most_bytes=LARGEST)),
            words=self._words,
            name=self.url,
            unreachable="Look at the page from elsewhere.",
        )

    def _words(self, status: int, _body: Json) -> CannotLook | None:
        if status >= 500 or status == 429:
            return CannotLook(f"{self.url} answers {status}: its status page is in trouble itself.")
        return None if status == 200 else _no_page(self.url)


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
