"""Where an address sends its visitors on to, step by step."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from tasks.excerpt import excerpt
from tasks.model import Refused
from tasks.web.exchange import Answer
from tasks.website.system import Endpoint, Website, shown

# Browsers give up after twenty.
MOST_STEPS = 20
SENDS_ON = frozenset({301, 302, 303, 307, 308})
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The addresses one comes by, the first and the last among them; `last` is what the last one answered.

    `loops`: it sends on to where one has been, or ever further.
    """

    urls: tuple[str, ...]
    last: Answer
    loops: bool = False

    @property
    def steps(self) -> int:
        return len(self.urls) - 1

    @property
    def is_unsafe(self) -> bool:
        """Does it lead from https to http? Then everybody on the way can read along, and rewrite."""
        schemes = [urlsplit(url).scheme for url in self.urls]
        return any(before == "https" and after == "http" for before, after in itertools.pairwise(schemes))

    @property
    def told(self) -> str:
        return " → ".join(excerpt(shown(url), 100) for url in self.urls[:6]) + (" → …" if len(self.urls) > 6 else "")


def walk(website: Website, endpoint: Endpoint, until: float, *, url: str | None = None) -> Walk:
    """Follow `endpoint`, or `url` in its place, to where it leads.

    Raises:
        CannotLook, Refused: one on the way did not answer, or leads to what is no web address.
    """
    urls = [url or endpoint.url]
    answer = website.ask(endpoint, until, url=urls[0])
    while answer.status in SENDS_ON and (where := answer.headers.get("location")):
        following = _joined(urls[-1], where)
        been = following in {canonical(one) for one in urls}
        urls.append(following)
        if been or len(urls) > MOST_STEPS:
            return Walk(urls=tuple(urls), last=answer, loops=True)
        answer = website.ask(endpoint, until, url=following)
    return Walk(urls=tuple(urls), last=answer)


def led_to(website: Website, endpoint: Endpoint, until: float) -> tuple[Answer, str]:
    """The answer that is judged, and what is wrong with the way there; empty if nothing is.

    Raises:
        CannotLook, Refused: one on the way did not answer.
    """
    if endpoint.redirects_to is None:
        return website.ask(endpoint, until), ""
    walked = walk(website, endpoint, until)
    if walked.loops:
        return walked.last, f"leads in a circle: {walked.told}"
    if canonical(walked.urls[-1]) != canonical(endpoint.redirects_to):
        return walked.last, f"leads to {walked.told} instead of {endpoint.redirects_to}"
    return walked.last, ""


def canonical(url: str) -> str:
    """One way to write an address: the same for two that mean the same."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port in (None, PORTS.get(parts.scheme)) else f":{parts.port}"
    return parts._replace(netloc=f"{host}{port}", path=parts.path or "/", fragment="").geturl()


def _joined(here: str, where: str) -> str:
    try:
        url = canonical(urljoin(here, where))
        fits = urlsplit(url).scheme in PORTS and bool(urlsplit(url).hostname)
    except ValueError:
        url, fits = where, False
    if not fits:
        raise Refused(f"{shown(here)} sends on to {excerpt(where, 100)!r}, which is no web address.")
    return url
