"""Lists that come in pages, in the ways in which vendors say where the next one is."""

from __future__ import annotations

from itertools import islice

import pytest

from tasks.model import CannotLook, Refused
from tasks.web.exchange import Answer
from tasks.web.pages import Next, by_cursor, by_link, by_url, pages
from tests.tasks.web.conftest import Reply, Vendor


def sentry(answer: Answer) -> str | None:
    """Both relations are always there; `results` tells whether anything is behind them (Sentry's documents)."""
    return by_link(answer) if answer.links.get("next", {}).get("results") == "true" else None


def _link(vendor: Vendor, cursor: str, results: str) -> dict[str, str]:
    return {
        "Link": f'<{vendor.url}/issues/?cursor=0:0:1>; rel="previous"; results="false"; cursor="0:0:1", '
        f'<{vendor.url}/issues/?cursor={cursor}>; rel="next"; results="{results}"; cursor="{cursor}"'
    }


def test_it_follows_the_link_header(vendor: Vendor) -> None:
    vendor.replies = [
        Reply(body=b"[1]", headers=_link(vendor, "0:100:0", "true")),
        Reply(body=b"[2]", headers=_link(vendor, "0:200:0", "false")),
    ]
    told = [page.body for page in pages(vendor.door(), "/issues/", sentry, params={"query": "is:unresolved"})]
    assert told == [[1], [2]]
    assert [asked.path for asked in vendor.asked] == ["/issues/?query=is%3Aunresolved", "/issues/?cursor=0:100:0"]


def test_it_follows_an_url_in_the_body_whole_or_from_here(vendor: Vendor) -> None:
    vendor.paths = {
        "/v3/bounces?limit=2": Reply(
            body=f'{{"items": [1], "paging": {{"next": "{vendor.url}/v3/bounces?page=b"}}}}'.encode()
        ),
        "/v3/bounces?page=b": Reply(body=b'{"items": [2], "paging": {"next": "?page=c"}}'),
        "/v3/bounces?page=c": Reply(body=b'{"items": [3], "paging": {"next": null}}'),
    }
    told = [page.body for page in pages(vendor.door(), "/v3/bounces", by_url("paging", "next"), params={"limit": 2})]
    assert [body["items"] for body in told if isinstance(body, dict)] == [[1], [2], [3]]
    assert len(vendor.asked) == 3


def test_it_gives_a_cursor_back_beside_what_it_asked_first(vendor: Vendor) -> None:
    vendor.replies = [Reply(body=b'{"nextCursor": "a+b/=="}'), Reply(body=b'{"nextCursor": null}')]
    assert len(list(pages(vendor.door(), "/executions", by_cursor("cursor", "nextCursor"), params={"limit": 5}))) == 2
    assert [asked.path for asked in vendor.asked] == [
        "/executions?limit=5",
        "/executions?limit=5&cursor=a%2Bb%2F%3D%3D",
    ]


def test_it_stops_at_the_bound_and_says_that_there_is_more(vendor: Vendor) -> None:
    vendor.replies = [Reply(body=b'{"next": "again"}')]
    told: list[Answer] = []
    with pytest.raises(Refused, match=r"^127\.0\.0\.1 has more than 4 pages to tell\.$"):
        told.extend(pages(vendor.door(pages=4), "/x", by_cursor("after", "next")))
    assert len(vendor.asked) == len(told) == 4


def test_it_fetches_no_page_that_nobody_wants(vendor: Vendor) -> None:
    vendor.replies = [Reply(body=b'{"next": "again"}')]
    assert len(list(islice(pages(vendor.door(pages=4), "/x", by_cursor("after", "next")), 2))) == 2
    assert len(vendor.asked) == 2


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"<html>", b'{"next": 3.5}', b'{"next": {"a": 1}}', b'{"next": true}']
)
@pytest.mark.parametrize("following", [by_link, by_url("next"), by_url("next", "deeper"), by_cursor("c", "next")])
def test_it_ends_where_no_next_page_is_told(vendor: Vendor, following: Next, body: bytes) -> None:
    vendor.replies = [Reply(body=body)]
    assert len(list(pages(vendor.door(), "/x", following))) == 1


def test_it_passes_on_what_goes_wrong_in_the_middle(vendor: Vendor) -> None:
    vendor.replies = [Reply(body=b'{"next": "b"}'), Reply(status=404)]
    told = pages(vendor.door(), "/x", by_cursor("after", "next"))
    next(told)
    with pytest.raises(Refused, match="answers 404"):
        next(told)


@pytest.mark.parametrize("url", ["http://[", "http://a:b:c/", "\x00"])
def test_it_refuses_an_address_that_is_none(vendor: Vendor, url: str) -> None:
    told = pages(vendor.door(), "/x", lambda _: url)
    next(told)
    with pytest.raises(CannotLook):
        next(told)
