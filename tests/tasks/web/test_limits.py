"""No server, however it misbehaves, holds a question up for longer or fills more than was agreed."""

from __future__ import annotations

import gzip
import time

import pytest

from tasks.model import CannotLook, Refused
from tasks.web.pages import by_cursor, pages
from tests.tasks.web.conftest import Reply, Vendor

# Longer than any machine is busy; a test that really waits for it has found a fault.
ENDLESS_S = 60.0


@pytest.mark.parametrize("reply", [Reply(drips=True), Reply(drips_headers=True), Reply(after_s=ENDLESS_S)])
def test_it_ends_what_is_drawn_out(vendor: Vendor, reply: Reply) -> None:
    vendor.replies = [reply]
    started = time.monotonic()
    with pytest.raises(CannotLook, match=r"^127\.0\.0\.1 did not answer within 0\.2 s\.$"):
        vendor.door(total_s=0.2).get("/x")
    assert time.monotonic() - started < ENDLESS_S


def test_it_takes_no_answer_for_whole_that_it_cut_off(vendor: Vendor) -> None:
    """A body without a length ends with the connection, and the end may have been made by us."""
    vendor.replies = [Reply(body=b'{"whole": "it seems"}', drips=True)]
    with pytest.raises(CannotLook, match="did not answer within"):
        vendor.door(total_s=0.2).get("/x")


def test_it_gives_each_wait_its_own_limit(vendor: Vendor) -> None:
    vendor.replies = [Reply(after_s=ENDLESS_S), Reply()]
    vendor.door(read_s=3).get("/x")
    assert len(vendor.asked) == 2

    vendor.replies = [Reply(after_s=ENDLESS_S)]
    with pytest.raises(CannotLook, match=r"did not answer within 0\.4 s"):
        vendor.door(read_s=0.4, attempts=1).get("/x")


def test_it_has_one_limit_for_all_attempts(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=503, after_s=0.15)]
    started = time.monotonic()
    with pytest.raises(CannotLook):
        vendor.door(total_s=0.3, attempts=50).get("/x")
    assert time.monotonic() - started < ENDLESS_S
    assert len(vendor.asked) <= 3


def test_it_has_one_limit_for_all_pages(vendor: Vendor) -> None:
    vendor.replies = [Reply(body=b'{"next": "on"}', after_s=0.15)]
    started = time.monotonic()
    with pytest.raises(CannotLook, match=r"did not answer within 0\.4 s"):
        list(pages(vendor.door(total_s=0.4, pages=1000), "/x", by_cursor("after", "next"), params={"n": 1}))
    assert time.monotonic() - started < ENDLESS_S


@pytest.mark.parametrize(("length", "fits"), [(999, True), (1000, True), (1001, False)])
def test_it_reads_so_many_bytes_and_no_more(vendor: Vendor, length: int, fits: bool) -> None:
    vendor.replies = [Reply(body=b"x" * length)]
    if fits:
        assert len(vendor.door(most_bytes=1000).get("/x").content) == length
        return
    with pytest.raises(Refused, match=r"tells more than 1,000 bytes at once|tells more than 1000 bytes at once"):
        vendor.door(most_bytes=1000).get("/x")
    assert len(vendor.asked) == 1


def test_it_stops_reading_a_flood(vendor: Vendor) -> None:
    vendor.replies = [Reply(floods=True)]
    with pytest.raises(Refused, match=r"tells more than 97\.7 KiB at once\.$"):
        vendor.door(most_bytes=100_000).get("/x")
    # What the kernel holds ready between the two, and not what could be sent in the time.
    assert vendor.sent < 20_000_000


def test_it_unpacks_nothing(vendor: Vendor) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    vendor.replies = [Reply(body=bomb, headers={"Content-Encoding": "gzip"})]
    with pytest.raises(CannotLook, match="cannot be read: DecodingError"):
        vendor.door().get("/x")
    assert vendor.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("reply", "total_s"), [(Reply(status=404, drips=True), 3), (Reply(status=404, floods=True), 10)]
)
def test_it_tells_a_refusal_whatever_comes_behind_it(vendor: Vendor, reply: Reply, total_s: float) -> None:
    vendor.replies = [reply]
    with pytest.raises(Refused, match="answers 404"):
        vendor.door(total_s=total_s, most_bytes=100_000).get("/x")


def test_it_survives_a_body_that_is_nothing_but_brackets(vendor: Vendor) -> None:
    vendor.replies = [Reply(body=b"[" * 1_000_000)]
    assert isinstance(vendor.door().get("/x").body, str)
