"""A list that comes in pages: one generator, and the ways in which vendors say where the next page is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import httpx

from tasks.model import Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import Answer, Params, Request

# An URL (whole, or from here), or the parameters that differ from the first page's; None after the last.
Next = Callable[[Answer], str | Params | None]


def pages(door: Door, path: str, following: Next, *, params: Params | None = None) -> Iterator[Answer]:
    """Page after page, while `following` knows of another. Their total is one: `Limits.total_s`.

    Raises:
        CannotLook, Refused: a page could not be had, leads to another host, or is one more than `Limits.pages`: a list
            that was cut off must not pass for the whole. Whoever wants only the first takes only those.
    """
    until = door.until()
    request = Request(url=door.place.base + path, params=params or {})
    for _ in range(door.place.limits.pages):
        answer = door.answer(request, until)
        yield answer
        found = following(answer)
        if not found:
            return
        request = _next(request, answer, found)
    raise Refused(
        f"{door.said} has more than {door.place.limits.pages} pages to tell.",
        remedy="Ask for less: a shorter time, or a part.",
    )


def by_link(answer: Answer) -> str | None:
    """The `Link` header with `rel="next"` (RFC 8288)."""
    return answer.links.get("next", {}).get("url")


def by_url(*keys: str) -> Next:
    """The URL that lies under `keys` in the body: by_url("paging", "next")."""
    return lambda answer: _text(answer.body, keys)


def by_cursor(parameter: str, *keys: str) -> Next:
    """The mark that lies under `keys` in the body, given back as `parameter`: by_cursor("cursor", "nextCursor")."""

    def following(answer: Answer) -> Params | None:
        mark = _text(answer.body, keys)
        return {parameter: mark} if mark else None

    return following


def _next(request: Request, answer: Answer, found: str | Params) -> Request:
    if isinstance(found, Mapping):
        return replace(request, params={**request.params, **found})
    try:
        return replace(request, url=str(httpx.URL(answer.url).join(found)), params={})
    except httpx.InvalidURL:
        raise Refused(f"{httpx.URL(answer.url).host} gives an address for its next page that is none.") from None


def _text(body: Json, keys: tuple[str, ...]) -> str | None:
    for key in keys:
        body = body.get(key) if isinstance(body, Mapping) else None
    return str(body) if isinstance(body, str | int) and not isinstance(body, bool) else None
