"""Rows that are there twice, or that belong to nothing."""

from __future__ import annotations

import pytest

from tasks.application.rows.checks import check_orphaned_rows, check_repeated_rows
from tasks.model import Refused, Verdict
from tests.tasks.application.conftest import Shop

GUARDED = "A valid unique index keeps public.email_events (event_hash) from repeating."


def test_it_takes_equal_numbers_for_health(shop: Shop) -> None:
    """3-9: a healthy table, 3,903 = 3,903, had its hash changed."""
    shop.mails(3903)
    shop.events("open", 3903)
    found = check_repeated_rows.fn(shop.door())
    assert (found.verdict, found.says) == (Verdict.OK, GUARDED)


def test_it_misses_the_unique_index_and_what_came_in_since(own_shop: Shop) -> None:
    """3-9: with the index gone and 500 doubles, 4,403 of 3,903, it was "working"."""
    own_shop.mails(3903)
    own_shop.events("open", 3903)
    own_shop.run("DROP INDEX events_once")
    found = check_repeated_rows.fn(own_shop.door())
    assert found.verdict is Verdict.WARN
    assert "there is no unique index on public.email_events (event_hash). No event of the last 7 days" in found.says
    own_shop.events("open", 500)
    found = check_repeated_rows.fn(own_shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says.endswith("500 events of the last 7 days are repeated, of 4,403.")
    assert found.remedy.endswith('CREATE UNIQUE INDEX CONCURRENTLY ON "public"."email_events" ("event_hash");')


@pytest.mark.parametrize(
    ("index", "guards"),
    [
        ("CREATE UNIQUE INDEX ON email_events (event_hash, id)", False),
        ("CREATE UNIQUE INDEX ON email_events (event_hash) WHERE event_type = 'open'", False),
        ("CREATE INDEX ON email_events (event_hash)", False),
        ("CREATE UNIQUE INDEX ON email_events (event_hash) INCLUDE (id)", True),
        ("ALTER TABLE email_events ADD UNIQUE (event_hash)", True),
    ],
)
def test_it_knows_what_guards(own_shop: Shop, index: str, guards: bool) -> None:
    own_shop.run(f"DROP INDEX events_once; {index}")
    assert (check_repeated_rows.fn(own_shop.door()).verdict is Verdict.OK) is guards


def test_it_does_not_trust_an_index_that_is_not_valid(own_shop: Shop) -> None:
    own_shop.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_once'::regclass")
    found = check_repeated_rows.fn(own_shop.door())
    assert found.verdict is Verdict.WARN
    assert "the index events_once is not valid" in found.says


def test_it_finds_mails_that_went_out_twice(shop: Shop) -> None:
    """3-4: two senders that select what is queued and then send it: 200 of 200 went out twice."""
    for _ in range(2):
        shop.mails(200, scheduled_send_time="'2026-01-01 09:00+00'::timestamptz + n * interval '1 hour'")
    shop.mails(50)
    found = check_repeated_rows.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says == f"{GUARDED} 200 mails went out again to the same lead."
    assert len(found.rows) == 20
    # A queued or failed twin is not sent; another campaign's mail is another.
    shop.run("UPDATE email_sends SET campaign_id = 2 WHERE id % 2 = 0; UPDATE email_sends SET lead_id = id")
    assert check_repeated_rows.fn(shop.door()).verdict is Verdict.OK
    assert check_repeated_rows.fn(shop.door("sends")).verdict is Verdict.OK


@pytest.mark.parametrize(("amount", "verdict"), [(1, Verdict.WARN), (99, Verdict.WARN), (100, Verdict.BAD)])
def test_it_finds_rows_that_belong_to_nothing(shop: Shop, amount: int, verdict: Verdict) -> None:
    shop.mails(5)
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "  # noqa: S608
        f"SELECT -n, 'open', now(), 'gone' || n FROM generate_series(1, {amount}) n"
    )
    found = check_orphaned_rows.fn(shop.door())
    assert (found.verdict, found.value) == (verdict, amount)
    assert f"{amount} events whose send is gone." in found.says


def test_it_asks_about_what_is_mapped(shop: Shop) -> None:
    shop.mails(3, lead_id="5000 + n", campaign_id="77")
    shop.run("INSERT INTO enrollments (lead_id, campaign_id) VALUES (9999, 88)")
    found = check_orphaned_rows.fn(shop.door())
    assert [(row["rows"], row["without"], row["orphans"]) for row in found.rows] == [
        ("sends", "lead", 3),
        ("sends", "campaign", 3),
        ("enrolments", "lead", 1),
        ("enrolments", "campaign", 1),
    ]
    assert check_orphaned_rows.fn(shop.door("leads", "campaigns")).says == (
        "Every row of the last 7 days belongs to one that is there (events by send)."
    )
    with pytest.raises(Refused, match="events"):
        check_orphaned_rows.fn(shop.door("events", "leads", "campaigns"))
