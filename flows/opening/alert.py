"""An alert: one message of a monitoring system, normalised, whoever sent it."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbooks.model import Severity

# Longer texts are cut: they are shown to people, and nobody reads further at 2 am.
LONGEST = {
    "title": 300,
    "fingerprint": 300,
    "name": 200,
    "service": 200,
    "environment": 100,
    "description": 4_000,
    "tag": 200,
}
MOST_TAGS, MOST_LINKS = 50, 10


class State(enum.StrEnum):
    """What it says about its problem."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What a source says. `fingerprint` is the same for all alerts of one problem, and begins with the source's name.

    `name` is what the rule that fired is called there, which a runbook's symptoms name; `severity` is empty where the
    source has none. `theirs` is what its sender calls it where it can be told what becomes of it, never cut.
    """

    source: str
    fingerprint: str
    state: State
    title: str
    name: str = ""
    service: str = ""
    environment: str = ""
    severity: Severity | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    theirs: Mapping[str, str] = field(default_factory=dict)


def alert(source: str, **said: object) -> Alert:
    """An Alert whose texts are cut to what is kept, and whose links are addresses of the web."""
    raw_tags, raw_links = said.pop("tags", {}), said.pop("links", ())
    assert isinstance(raw_tags, Mapping)  # noqa: S101 - our own sources
    assert isinstance(raw_links, tuple)  # noqa: S101 - our own sources
    tags = {_cut("tag", name): _cut("tag", value) for name, value in list(raw_tags.items())[:MOST_TAGS]}
    links = tuple(str(link) for link in raw_links if str(link).startswith(("https://", "http://")))[:MOST_LINKS]
    texts = {name: _cut(name, value) if name in LONGEST else value for name, value in said.items()}
    return Alert(source=source, tags=tags, links=links, **texts)  # type: ignore[arg-type]


def _cut(name: str, value: object) -> str:
    # Half an emoji and a zero byte are no text for Postgres; the alert must not be lost for them.
    text = "" if value is None else str(value).encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if len(text) <= LONGEST[name]:
        return text
    # Two long fingerprints that differ at their ends are two problems.
    end = f"…{hashlib.sha256(text.encode()).hexdigest()}" if name == "fingerprint" else "…"
    return text[: LONGEST[name] - len(end)] + end
