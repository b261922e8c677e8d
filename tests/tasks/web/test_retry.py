"""When a request is made again, and how long is waited before."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import formatdate

import pytest

from deployments.ports import free_port
from tasks.model import CannotLook, Refused
from tasks.web.door import Door
from tasks.web.exchange import RESETS, Limits, Place
from tasks.web.retry import wait_asked_for
from tests.tasks.web.conftest import Reply, Vendor, silent

FINE = Reply(body=b'{"fine": true}')
NOW_S = 1_790_000_000.0


def test_it_waits_as_long_as_the_server_says(vendor: Vendor, waits: list[float]) -> None:
    vendor.replies = [Reply(status=429, headers={"Retry-After": "7"}), FINE]
    assert vendor.door(total_s=30).get("/x").body == {"fine": True}
    assert len(vendor.asked) == 2
    # And a little of its own, so that not all come back at the same moment.
    assert 7 <= waits[0] <= 7.5


def test_it_reads_a_moment_by_the_servers_own_clock(vendor: Vendor, waits: list[float]) -> None:
    a_day_ahead = time.time() + 86_400
    told = {"Date": formatdate(a_day_ahead, usegmt=True), "Retry-After": formatdate(a_day_ahead + 9, usegmt=True)}
    vendor.replies = [Reply(status=503, headers=told), FINE]
    vendor.door(total_s=30).get("/x")
    assert 9 <= waits[0] <= 9.5


@pytest.mark.parametrize("name", ["RateLimit-Reset", "X-RateLimit-Reset", "X-Sentry-Rate-Limit-Reset"])
def test_it_waits_for_the_reset_of_a_rate_limit(vendor: Vendor, waits: list[float], name: str) -> None:
    vendor.replies = [Reply(status=429, headers={name: str(time.time() + 5)}), FINE]
    place = replace(vendor.place(total_s=30), resets=(*RESETS, "x-sentry-rate-limit-reset"))
    Door(place=place, words=silent).get("/x")
    assert 4 <= waits[0] <= 5.5


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {}, None),
        (429, {"retry-after": "0"}, 0.0),
        (429, {"retry-after": "1.5"}, 1.5),
        (503, {"retry-after": "20"}, 20.0),
        (429, {"retry-after": "soon"}, None),
        (429, {"retry-after": "-1"}, None),
        (429, {"retry-after": "nan"}, None),
        (429, {"retry-after": "inf"}, None),
        (429, {"retry-after": "9" * 400}, None),
        (429, {"retry-after": "1e300"}, None),
        (429, {"retry-after": formatdate(NOW_S - 60, usegmt=True)}, 0.0),
        (429, {"retry-after": "Sun, 99 Nov 2026 99:00:00 GMT"}, None),
        (429, {"ratelimit-reset": "3"}, 3.0),
        (429, {"x-ratelimit-reset": str(NOW_S + 4.5)}, 4.5),
        (429, {"x-ratelimit-reset": str(NOW_S - 4)}, 0.0),
        (429, {"ratelimit-reset": "junk", "x-ratelimit-reset": "6"}, 6.0),
        # Retry-After is the plainer word.
        (429, {"retry-after": "2", "ratelimit-reset": "50"}, 2.0),
        # SendGrid tells its reset with every answer.
        (503, {"x-ratelimit-reset": str(NOW_S + 600)}, None),
        (200, {"x-ratelimit-reset": str(NOW_S + 600)}, None),
    ],
)
def test_it_knows_a_wait_from_junk(status: int, headers: dict[str, str], wait_s: float | None) -> None:
    found = wait_asked_for(status, {"date": formatdate(NOW_S, usegmt=True), **headers}, RESETS)
    assert found == (None if wait_s is None else pytest.approx(wait_s))


def test_it_begins_no_wait_that_ends_too_late(vendor: Vendor, waits: list[float]) -> None:
    vendor.replies = [Reply(status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(CannotLook, match=r"^127\.0\.0\.1 answers 429: it was asked too often\.$") as caught:
        vendor.door().get("/x")
    assert caught.value.remedy == "It wants to be asked again in 3600 s, not before."
    assert (len(vendor.asked), waits) == (1, [])


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504, 522, 529])
def test_it_asks_again_what_may_pass_and_gives_up(vendor: Vendor, waits: list[float], status: int) -> None:
    vendor.replies = [Reply(status=status)]
    with pytest.raises(CannotLook, match=f"answers {status}") as caught:
        vendor.door().get("/x")
    assert type(caught.value) is CannotLook
    assert len(vendor.asked) == 3
    assert 0 <= waits[0] <= 0.5
    assert 0 <= waits[1] <= 1


@pytest.mark.parametrize(
    ("status", "error"), [(400, Refused), (401, Refused), (404, Refused), (409, Refused), (500, CannotLook)]
)
def test_it_does_not_ask_again_what_will_not(vendor: Vendor, status: int, error: type[CannotLook]) -> None:
    vendor.replies = [Reply(status=status, headers={"Retry-After": "0"})]
    with pytest.raises(CannotLook) as caught:
        vendor.door().get("/x")
    assert type(caught.value) is error
    assert len(vendor.asked) == 1


def test_it_asks_again_when_the_connection_breaks(vendor: Vendor) -> None:
    vendor.replies = [Reply(hangs_up=True), Reply(hangs_up=True), FINE]
    assert vendor.door().get("/x").body == {"fine": True}
    assert len(vendor.asked) == 3


def test_it_tries_again_where_nobody_listens(waits: list[float]) -> None:
    door = Door(
        place=Place(base=f"http://127.0.0.1:{free_port()}", limits=Limits()), words=silent, unreachable="Look there."
    )
    with pytest.raises(CannotLook, match=r"^127\.0\.0\.1 cannot be reached: Connection refused\.$") as caught:
        door.get("/x")
    assert caught.value.remedy == "Look there."
    assert len(waits) == 2


@pytest.mark.parametrize("reply", [Reply(status=503), Reply(hangs_up=True), Reply(status=429)])
def test_it_makes_no_change_twice_that_nobody_would_know_again(vendor: Vendor, reply: Reply) -> None:
    vendor.replies = [reply, FINE]
    with pytest.raises(CannotLook):
        vendor.door().send("POST", "/x", json={"to": "a"})
    assert len(vendor.asked) == 1


def test_it_makes_a_change_again_that_the_vendor_knows_by_its_key(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=503), Reply(hangs_up=True), FINE]
    door = replace(vendor.door(), idempotency_header="Idempotency-Key")
    assert door.send("POST", "/x", json={"to": "a"}, idempotency_key="step-1").body == {"fine": True}
    assert [asked.headers["Idempotency-Key"] for asked in vendor.asked] == ["step-1"] * 3
    assert {asked.body for asked in vendor.asked} == {b'{"to":"a"}'}


def test_it_takes_no_key_that_the_vendor_would_not_look_at(vendor: Vendor) -> None:
    with pytest.raises(ValueError, match="takes no idempotency key"):
        vendor.door().send("POST", "/x", idempotency_key="step-1")
    assert vendor.asked == []


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_it_makes_a_change_again_that_does_nothing_more(vendor: Vendor, method: str) -> None:
    vendor.replies = [Reply(hangs_up=True), FINE]
    vendor.door().send(method, "/x")
    assert [asked.method for asked in vendor.asked] == [method] * 2


def test_it_asks_again_what_is_a_question_in_spite_of_its_method(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=503), FINE]
    vendor.door().send("POST", "/search", json={"q": "a"}, reads=True)
    assert len(vendor.asked) == 2


@pytest.mark.parametrize(
    ("reply", "doubtful"),
    [
        (Reply(hangs_up=True), True),
        (Reply(status=500), True),
        (Reply(status=504), True),
        (Reply(status=429), False),
        (Reply(status=400), False),
    ],
)
def test_it_says_when_a_change_may_have_been_made(vendor: Vendor, reply: Reply, doubtful: bool) -> None:
    vendor.replies = [reply]
    with pytest.raises(CannotLook) as caught:
        vendor.door().send("POST", "/x")
    assert ("may have been done all the same" in str(caught.value)) is doubtful
