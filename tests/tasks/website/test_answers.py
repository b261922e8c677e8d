"""Endpoints asked over real HTTP: what is wrong is said in a sentence, with the body that names the broken part."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from tasks.model import Finding, Threshold, Verdict
from tasks.together import WITHIN_S
from tasks.website.checks import check_website_answers, check_website_pace
from tasks.website.system import Endpoint, Website
from tests.tasks.web.conftest import Reply, Vendor, serving
from tests.tasks.website.authorities import mute

JSON = {"content-type": "application/json"}


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving() as vendor:
        yield vendor


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.website.checks.AGAIN_AFTER_S", 0.01)


def site(vendor: Vendor, path: str = "/health", **given: Any) -> Website:
    return Website(endpoints=(Endpoint(name="health", url=vendor.url + path, **given),))


def answered(vendor: Vendor, reply: Reply, **given: Any) -> Finding:
    vendor.replies = [reply]
    return check_website_answers.fn(site(vendor, **given))


@pytest.mark.parametrize(
    ("reply", "given"),
    [
        (Reply(body=b"hello"), {}),
        (Reply(status=401, body=b"no"), {"status": 401}),
        (Reply(status=302), {"status": (301, 302)}),
        (Reply(body="Grüß Gott".encode()), {"text": "Grüß"}),
        (Reply(body=b'{"status": "ok", "n": 3}'), {"json_path": "status", "value": "ok"}),
        (Reply(body=b'{"status": "ok", "n": 3}'), {"json_path": "n", "value": 3}),
        (Reply(body=b'{"ready": true}'), {"json_path": "ready", "value": True}),
        (Reply(body=b'{"checks": [{"up": true}]}'), {"json_path": "checks[0].up"}),
        (Reply(body=b'"ok"'), {"json_path": "@", "value": "ok"}),
        (Reply(), {"method": "HEAD"}),
    ],
)
def test_it_is_content(vendor: Vendor, reply: Reply, given: dict[str, Any]) -> None:
    found = answered(vendor, reply, **given)
    assert (found.verdict, found.says) == (Verdict.OK, "health answers well.")


@pytest.mark.parametrize(
    ("reply", "given", "says"),
    [
        # 4-22: `curl -f` hides the body that names the broken part.
        (
            Reply(status=503, body=b'{"status":"down",\n "database":"connection refused"}', headers=JSON),
            {},
            'answers 503 instead of 200: {"status":"down", "database":"connection refused"}.',
        ),
        # 4-22: on a text error, and with nothing, jq complains and the pipe says 0.
        (Reply(body=b"upstream failed"), {"json_path": "status"}, "answers no JSON: upstream failed."),
        (Reply(body=b""), {"json_path": "status"}, "answers no JSON."),
        (
            Reply(body=b'{"status":"degraded"}'),
            {"json_path": "status", "value": "ok"},
            'has "degraded" at status instead of "ok": {"status":"degraded"}.',
        ),
        (Reply(body=b'{"a": 1}'), {"json_path": "status"}, 'has nothing at status: {"a": 1}.'),
        (Reply(body=b'{"a": 1}'), {"json_path": "a", "value": True}, 'has 1 at a instead of true: {"a": 1}.'),
        (Reply(body=b'{"a": 1}'), {"json_path": "length(a)", "value": 1}, "cannot be read by length(a)"),
        (Reply(body=b"maintenance"), {"text": "Sign in"}, "does not hold “Sign in”: maintenance."),
        (
            Reply(status=301, headers={"Location": "https://www.example.com/?key=4711"}),
            {},
            "answers 301 instead of 200 and sends on to https://www.example.com/: {}.",
        ),
        (
            Reply(status=500, body=b"<html><h1>Bad   gateway</h1></html>", headers={"content-type": "text/html"}),
            {"status": (200, 204)},
            "answers 500 instead of 200 or 204: Bad gateway.",
        ),
        # 1-9: after either of these curl exits with 0.
        (Reply(status=404, body=b"no such page"), {}, "answers 404 instead of 200: no such page."),
        (Reply(status=500, body=b"down"), {}, "answers 500 instead of 200: down."),
        (Reply(hangs_up=True), {}, "gives no answer: 127.0.0.1 cannot be read: RemoteProtocolError."),
    ],
)
def test_it_says_what_is_wrong_and_how(vendor: Vendor, reply: Reply, given: dict[str, Any], says: str) -> None:
    found = answered(vendor, reply, **given)
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("1 of 1 endpoint: health ")
    assert says in found.says
    assert len(vendor.asked) == 2  # a deploy's second is no incident


def test_it_forgives_what_is_right_a_moment_later(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=502), Reply()]
    assert check_website_answers.fn(site(vendor)).verdict is Verdict.OK


def test_what_nobody_answers_is_wrong(vendor: Vendor) -> None:
    website = Website(
        endpoints=(
            Endpoint(name="gone", url="http://127.0.0.1:1/"),
            Endpoint(name="nowhere", url="http://nowhere.invalid/"),
            Endpoint(name="here", url=vendor.url),
        )
    )
    found = check_website_answers.fn(website)
    assert (found.verdict, found.value) == (Verdict.BAD, 2)
    assert "gone gives no answer: 127.0.0.1 cannot be reached: Connection refused" in found.says
    assert "nowhere gives no answer: nowhere.invalid cannot be reached: " in found.says
    assert found.facts == {"gone": None, "nowhere": None, "here": 200}


def test_a_body_is_bounded_and_harms_no_terminal(vendor: Vendor) -> None:
    found = answered(vendor, Reply(status=500, body=b"\x1b[2J\x00\xff" + "\u202e".encode() + b"x" * 100_000))
    assert len(found.says) < 400
    assert found.says.isprintable()
    (row,) = found.rows
    assert len(str(row["body"])) <= 1000


def test_it_tells_no_secret_and_sends_it_to_no_other_host(vendor: Vendor) -> None:
    secret = {"X-Health-Key": SecretStr("s3cret-4711"), "Authorization": SecretStr("Bearer other-4711")}
    found = answered(vendor, Reply(status=403, body=b"wrong key s3cret-4711, other: Bearer other-4711"), headers=secret)
    assert "wrong key •••, other: •••" in found.says
    assert "4711" not in repr(found) + repr(site(vendor, headers=secret))
    assert vendor.asked[0].headers["X-Health-Key"] == "s3cret-4711"
    with serving() as other:
        vendor.replies = [Reply(status=302, headers={"Location": other.url + "/new"})]
        website = site(vendor, headers=secret, redirects_to=other.url + "/new")
        assert check_website_answers.fn(website).verdict is Verdict.OK
        assert "X-Health-Key" not in other.asked[0].headers
        assert "Authorization" not in other.asked[0].headers


def test_an_expected_redirect_is_followed_and_its_end_is_judged(vendor: Vendor) -> None:
    vendor.paths = {
        "/old": Reply(status=301, headers={"Location": "/newer"}),
        "/newer": Reply(status=308, headers={"Location": "/new"}),
        "/new": Reply(body=b"Sign in"),
        "/round": Reply(status=302, headers={"Location": "/round"}),
    }
    assert check_website_answers.fn(site(vendor, "/old", redirects_to=vendor.url + "/new", text="Sign")).verdict == 0
    wrong = check_website_answers.fn(site(vendor, "/old", redirects_to=vendor.url + "/elsewhere"))
    assert f"leads to {vendor.url}/old → {vendor.url}/newer → {vendor.url}/new instead of" in wrong.says
    assert "leads in a circle" in check_website_answers.fn(site(vendor, "/round", redirects_to=vendor.url)).says


@pytest.mark.parametrize("reply", [Reply(drips=True), Reply(drips_headers=True), Reply(after_s=60)])
@pytest.mark.parametrize("asked", [check_website_answers, check_website_pace])
def test_it_ends_although_everything_hangs(
    vendor: Vendor, reply: Reply, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1-9: on a worker that hangs, curl waits without an end."""
    assert WITHIN_S < 10
    monkeypatch.setattr("tasks.website.checks.WITHIN_S", 3.0)
    vendor.replies = [reply]
    ends = tuple(Endpoint(name=f"e{n}", url=vendor.url + f"/{n}") for n in range(20))
    begun = time.monotonic()
    found = asked.fn(Website(endpoints=ends, limit_s=2))
    assert time.monotonic() - begun < 50
    assert len(found.rows) == 20
    assert found.verdict is (Verdict.BAD if asked is check_website_answers else Verdict.UNKNOWN)


def test_it_ends_although_nobody_ever_says_a_word() -> None:
    with mute() as port:
        begun = time.monotonic()
        found = check_website_answers.fn(
            Website(endpoints=(Endpoint(name="mute", url=f"http://127.0.0.1:{port}/"),), limit_s=1)
        )
    assert time.monotonic() - begun < 50
    assert "mute gives no answer: 127.0.0.1 did not answer within 1 s." in found.says


def test_a_body_without_end_is_cut_off(vendor: Vendor) -> None:
    begun = time.monotonic()
    found = answered(vendor, Reply(floods=True))
    assert time.monotonic() - begun < 50
    assert "tells more than 1.9 MiB at once" in found.says


def test_a_hundred_endpoints_of_which_one_hangs_are_all_asked(vendor: Vendor) -> None:
    with mute() as port:
        ends = [Endpoint(name=f"e{n}", url=vendor.url + f"/{n}") for n in range(49)]
        ends.append(Endpoint(name="mute", url=f"http://127.0.0.1:{port}/"))
        found = check_website_answers.fn(Website(endpoints=tuple(ends)))
    assert [row["endpoint"] for row in found.rows] == ["mute"]


def test_its_pace_is_told_with_the_caution_that_few_samples_ask_for(vendor: Vendor) -> None:
    found = check_website_pace.fn(site(vendor))
    assert found.verdict is Verdict.OK
    assert "at most of 5 requests (bad from 5 s); of 5 requests, p95 and p99 are simply the slowest." in found.says
    fact = found.facts["health"]
    assert isinstance(fact, dict)
    assert set(fact) >= {"p50_s", "p95_s", "p99_s", "longest_s", "took_s", "samples"}
    assert found.value is not None
    assert 0 < found.value < 1
    assert len({asked.connection for asked in vendor.asked}) == 5


@pytest.mark.parametrize(
    ("waits", "verdict"),
    [
        ((0.0, 0.0, 0.0), Verdict.OK),
        ((0.0, 0.0, 0.7), Verdict.WARN),  # one slow one of three: an accident, or every third visitor
        ((0.0, 0.3, 0.3), Verdict.WARN),
        ((0.0, 0.7, 0.7), Verdict.BAD),
    ],
)
def test_it_judges_the_median_and_warns_of_a_single_slow_one(
    vendor: Vendor, waits: tuple[float, ...], verdict: Verdict
) -> None:
    vendor.replies = [Reply(after_s=wait) for wait in waits]
    limit = Threshold(warn=0.25, bad=0.6, because="a test has no time")
    ends = (Endpoint(name="health", url=vendor.url, pace=limit),)
    assert check_website_pace.fn(Website(endpoints=ends, samples=3)).verdict is verdict


def test_a_fast_error_is_not_fast(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=500, body=b"boom")]
    found = check_website_pace.fn(site(vendor))
    assert found.verdict is Verdict.UNKNOWN
    assert "so how fast it is is not known: answers 500 instead of 200: boom" in found.says


def test_what_was_given_up_counts_as_slow() -> None:
    with mute() as port:
        ends = (Endpoint(name="mute", url=f"http://127.0.0.1:{port}/"),)
        found = check_website_pace.fn(Website(endpoints=ends, limit_s=6))
    assert found.verdict is Verdict.BAD
    assert "at most of 1 request, 1 of them given up" in found.says


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "ftp://example.com"}, "must be an address"),
        ({"url": "https://u:secret@example.com"}, "must hold no password"),
        ({"url": "https://e", "method": "HEAD", "text": "x"}, "has no body"),
        ({"url": "https://e", "value": 1}, "without `json_path`"),
        ({"url": "https://e", "json_path": "a["}, "is no JMESPath expression"),
        ({"url": "https://e", "headers": {"X Y": "1"}}, "is no name of a header"),
        ({"url": "https://e", "headers": {"X": "secret\n"}}, "line break at its end"),
        ({"url": "https://e", "status": ()}, "names none"),
        ({"url": "https://e", "texts": "x"}, "Extra inputs"),
    ],
)
def test_it_refuses_what_cannot_be_asked(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        Endpoint(name="e", **given)
    assert "secret\\n" not in str(caught.value)


def test_it_refuses_two_of_one_name() -> None:
    one = Endpoint(name="e", url="https://example.com")
    with pytest.raises(ValidationError, match="two endpoints are called 'e'"):
        Website(endpoints=(one, one))
    with pytest.raises(ValidationError, match="is no name server"):
        Website(endpoints=(one,), resolvers=("dns.example.com",))


def test_doctor_hears_of_each(vendor: Vendor) -> None:
    ends = (Endpoint(name="here", url=vendor.url), Endpoint(name="gone", url="http://127.0.0.1:1/?key=4711"))
    here, gone = Website(endpoints=ends).examine()
    assert (here.verdict, here.says) == (Verdict.OK, f"here: {vendor.url} answers 200.")
    assert gone.verdict is Verdict.UNKNOWN
    assert "4711" not in repr(gone)
