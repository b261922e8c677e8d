"""Only the host that was configured is asked, and only it gets to see the secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from tasks.model import CannotLook, Refused
from tasks.web.door import Door
from tasks.web.exchange import Key, Place, basic, bearer, named
from tasks.web.pages import by_link, by_url, pages
from tasks.web.visit import refuse_elsewhere
from tests.tasks.web.conftest import SECRET, Reply, Vendor, silent

KEYS: list[Callable[[SecretStr], Key]] = [
    bearer,
    lambda secret: basic("api", secret),
    lambda secret: named("X-Api-Key", secret),
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("key", KEYS)
def test_it_does_not_follow_to_another_host(
    vendor: Vendor, elsewhere: Vendor, status: int, key: Callable[[SecretStr], Key]
) -> None:
    vendor.replies = [Reply(status=status, headers={"Location": f"{elsewhere.url}/sso?token=t0k3n"})]
    with pytest.raises(Refused, match=f"sends us on to {elsewhere.url}, which is not followed") as caught:
        Door(place=vendor.place(key(SecretStr(SECRET))), words=silent).get("/x")
    assert "t0k3n" not in f"{caught.value} {caught.value.remedy}"
    assert len(vendor.asked) == 1
    assert elsewhere.asked == []


def test_it_follows_within_the_host_and_says_there_who_it_is(vendor: Vendor) -> None:
    vendor.paths = {"/x": Reply(status=302, headers={"Location": "/y"}), "/y": Reply(body=b"[1]")}
    assert vendor.door().get("/x").body == [1]
    assert [asked.headers["Authorization"] for asked in vendor.asked] == [f"Bearer {SECRET}"] * 2


def test_it_gives_up_on_going_in_circles(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=302, headers={"Location": "/x"})]
    with pytest.raises(CannotLook, match="TooManyRedirects"):
        vendor.door(redirects=3).get("/x")
    assert len(vendor.asked) == 4


def test_it_lets_nobody_send_a_change_on(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=307, headers={"Location": "/y"})]
    with pytest.raises(Refused, match="answers 307"):
        vendor.door().send("POST", "/x", json={})
    assert [asked.path for asked in vendor.asked] == ["/x"]


@pytest.mark.parametrize(
    "location", ["ftp://127.0.0.1/", "file:///etc/passwd", "//example.invalid/x", "http://[", "\\\\x"]
)
def test_it_survives_a_location_that_is_none(vendor: Vendor, location: str) -> None:
    vendor.replies = [Reply(status=302, headers={"Location": location})]
    with pytest.raises(CannotLook):
        vendor.door(redirects=2).get("/x")


@pytest.mark.parametrize(
    ("base", "target", "same"),
    [
        ("https://api.example.com", "https://api.example.com/v1?a=b", True),
        ("https://api.example.com", "https://API.example.com:443/", True),
        ("https://api.example.com/v1", "https://api.example.com/v2", True),
        ("http://api.example.com", "https://api.example.com/", True),
        ("https://api.example.com", "http://api.example.com/", False),
        ("https://api.example.com", "http://api.example.com:443/", False),
        ("https://api.example.com", "https://api.example.com:8443/", False),
        ("http://api.example.com:5678", "https://api.example.com/", False),
        ("http://api.example.com", "https://api.example.com:8443/", False),
        ("https://api.example.com", "https://api.example.com.evil.test/", False),
        ("https://api.example.com", "https://evil.test/api.example.com", False),
        ("https://api.example.com", "https://api.example.com@evil.test/", False),
        ("https://api.example.com", "https://user:pw@api.example.com/", False),
        ("https://api.example.com", "https://example.com/", False),
        ("https://api.example.com", "https://eu.api.example.com/", False),
        ("https://api.example.com", "https:///x", False),
    ],
)
def test_it_knows_its_host(base: str, target: str, same: bool) -> None:
    if same:
        refuse_elsewhere(Place(base=base), httpx.URL(target))
        return
    with pytest.raises(Refused):
        refuse_elsewhere(Place(base=base), httpx.URL(target))


def test_it_goes_to_no_next_page_on_another_host(vendor: Vendor, elsewhere: Vendor) -> None:
    in_body = Reply(body=f'{{"paging": {{"next": "{elsewhere.url}/x?page=2"}}}}'.encode())
    in_header = Reply(headers={"Link": f'<{elsewhere.url}/x?page=2>; rel="next"'})
    for reply, following in ((in_body, by_url("paging", "next")), (in_header, by_link)):
        vendor.replies = [reply]
        told = pages(vendor.door(), "/x", following)
        next(told)
        with pytest.raises(Refused, match="which is not followed"):
            next(told)
    assert elsewhere.asked == []


def test_it_sends_no_secret_where_none_was_given(vendor: Vendor) -> None:
    Door(place=replace(vendor.place(), key=None), words=silent).get("/x")
    assert "Authorization" not in vendor.asked[0].headers
