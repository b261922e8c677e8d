"""Ways that visitors are sent: to https, without circles and detours, and to nobody else's host."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.model import Finding, Verdict
from tasks.web.exchange import Answer
from tasks.website.checks import STEPS, check_website_redirects
from tasks.website.system import Endpoint, Website
from tasks.website.walk import Walk, canonical
from tasks.website.way import judged_way
from tests.tasks.web.conftest import Reply, Vendor, serving
from tests.tasks.website.authorities import Authority, trusting


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving() as vendor:
        yield vendor


def leads(vendor: Vendor, to: str, **hops: str) -> Finding:
    vendor.paths = {f"/{name}": Reply(status=301, headers={"Location": where}) for name, where in hops.items()}
    endpoint = Endpoint(name="old", url=f"{vendor.url}/a", redirects_to=to)
    return check_website_redirects.fn(Website(endpoints=(endpoint,)))


def test_it_is_content_with_a_short_way(vendor: Vendor) -> None:
    found = leads(vendor, f"{vendor.url}/end", a="b", b="/end")
    assert (found.verdict, found.value) == (Verdict.OK, 2)
    assert found.says == f"old leads to {vendor.url}/end."


@pytest.mark.parametrize(
    ("steps", "verdict"), [(2, Verdict.OK), (3, Verdict.WARN), (9, Verdict.WARN), (10, Verdict.BAD)]
)
def test_it_counts_detours(vendor: Vendor, steps: int, verdict: Verdict) -> None:
    names = "abcdefghijkl"[: steps + 1]
    found = leads(vendor, f"{vendor.url}/{names[-1]}", **dict(itertools.pairwise(names)))
    assert found.verdict is verdict


def test_it_finds_a_circle_and_a_way_without_end(vendor: Vendor) -> None:
    assert "leads in a circle" in leads(vendor, vendor.url, a="/b", b="/c", c="/b").says
    vendor.replies = [Reply(status=302, headers={"Location": f"/{n}"}) for n in range(40)]
    before = len(vendor.asked)
    assert leads(vendor, vendor.url, a="/z").verdict is Verdict.BAD
    assert len(vendor.asked) - before <= 20


def test_it_says_where_it_leads_instead(vendor: Vendor) -> None:
    found = leads(vendor, f"{vendor.url}/end", a="/other")
    assert f"old leads to {vendor.url}/a → {vendor.url}/other instead of {vendor.url}/end" in found.says
    assert "is no web address" in leads(vendor, vendor.url, a="ftp://127.0.0.1/").says
    assert "leads nowhere: " in leads(vendor, vendor.url, a="javascript:alert(1)").says
    assert "leads nowhere: 127.0.0.1 cannot be reached" in leads(vendor, vendor.url, a="http://127.0.0.1:1/").says


def test_from_https_to_http_is_bad_whatever_stands_at_the_end(tmp_path: Path, vendor: Vendor) -> None:
    root = Authority("Lab Root")
    with serving(root.shown(tmp_path)) as safe:
        safe.replies = [Reply(status=302, headers={"Location": vendor.url})]
        endpoint = Endpoint(name="home", url=safe.url, redirects_to=vendor.url)
        website = Website(endpoints=(endpoint,), ca_file=trusting(tmp_path, root))
        found = check_website_redirects.fn(website)
    assert found.verdict is Verdict.BAD
    assert "home leads from https to http" in found.says


def walked(*urls: str, status: int = 200, loops: bool = False) -> Walk:
    return Walk(urls=urls, last=Answer(status=status, url=urls[-1], headers={}, links={}, content=b""), loops=loops)


@pytest.mark.parametrize(
    ("urls", "verdict", "says"),
    [
        (("http://e.com/", "https://e.com/"), Verdict.OK, "leads to https://e.com/"),
        (("http://e.com/", "https://www.e.com/"), Verdict.OK, "leads to https://www.e.com/"),
        (("http://e.com/",), Verdict.WARN, "answers without sending on to https"),
        (("http://e.com/", "http://www.e.com/"), Verdict.WARN, "stays without https"),
        (("http://e.com/", "https://parked.net/"), Verdict.WARN, "leads to another host"),
        (("http://e.com/", "https://e.com/", "http://e.com/x"), Verdict.BAD, "leads from https to http"),
    ],
)
def test_http_beside_https_has_to_lead_there(urls: tuple[str, ...], verdict: Verdict, says: str) -> None:
    home = Endpoint(name="home", url="https://e.com/")
    row = judged_way("http://e.com", home, walked(*urls), frozenset({"e.com"}), STEPS)
    assert row["verdict"] == verdict
    assert says in str(row["said"])


def test_nothing_at_port_80_leads_nobody_astray() -> None:
    found = check_website_redirects.fn(Website(endpoints=(Endpoint(name="home", url="https://127.0.0.1/"),)))
    assert found.verdict is Verdict.OK
    assert "http://127.0.0.1 is not served" in found.says


def test_without_any_there_is_nothing_to_look_at(vendor: Vendor) -> None:
    found = check_website_redirects.fn(Website(endpoints=(Endpoint(name="home", url=vendor.url),)))
    assert found.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTPS://E.com", "https://e.com:443/"),
        ("http://e.com:80/a#b", "http://e.com/a"),
        ("http://[2001:db8::1]:80/", "http://[2001:db8::1]/"),
    ],
)
def test_two_addresses_that_mean_the_same(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)
