"""What mails say: tokens that nothing filled, and leads that nothing fills them for."""

from __future__ import annotations

import pytest

from tasks.application.content.actions import HoldCampaigns, WithdrawIncompleteLeads
from tasks.application.content.checks import (
    BODY_CHARACTERS,
    MOST_MAILS,
    SUBJECT_CHARACTERS,
    check_incomplete_leads,
    check_unreplaced_tokens,
)
from tasks.model import Refused, Verdict
from tests.tasks.application.conftest import Shop


def written(shop: Shop, subject: str = "A tour", body: str = "Hello Ada") -> Verdict:
    """One queued mail that says so."""
    shop.run("TRUNCATE email_sends")
    shop.mails(1, status="queued", subject=f"$t${subject}$t$", body=f"$t${body}$t$")
    return check_unreplaced_tokens.fn(shop.door()).verdict


@pytest.mark.parametrize(
    "text",
    [
        "Hello {{first_name}}",
        "Hello {{ lead.name | upper }}!",
        "Hello {{{name}}}",
        "Hello {first_name},",
        "Hello {lead.name},",
        "Hello %first_name%",
        "Hello *|FNAME|*",
        "Ünï {{name}}",
    ],
)
def test_it_finds_tokens(shop: Shop, text: str) -> None:
    """3-30: the literal '[your-org-id]' matched nothing, and all was fine."""
    assert written(shop, subject=text) is Verdict.BAD
    assert written(shop, body=f"First line\n{text}\nlast line") is Verdict.BAD


@pytest.mark.parametrize(
    "text",
    [
        "Hello Ada",
        "50% off, and 20% more",
        "100%",
        "https://example.com/?q=a%20and%20b",
        "https://example.com/%EF%BB%BF",
        "https://example.com/%AF%BC%DE",
        "<style>a { color: red } b{margin:0}</style>",
        "{}",
        "{{}}",
        "{ }",
        '{"json": 1}',
        "*|",
        "* | *",
        "{" * 100,
        "%" * 100,
    ],
)
def test_it_takes_no_text_for_a_token(shop: Shop, text: str) -> None:
    assert written(shop, subject=text, body=text) is Verdict.OK


def test_it_reads_the_beginning_only(shop: Shop) -> None:
    """A body may be megabytes: one character over our limit is not read."""
    token = "*|NAME|*"
    assert written(shop, subject="x" * (SUBJECT_CHARACTERS - len(token)) + token) is Verdict.BAD
    assert written(shop, subject="x" * (SUBJECT_CHARACTERS - len(token) + 1) + token) is Verdict.OK
    assert written(shop, body="x" * (BODY_CHARACTERS - len(token)) + token) is Verdict.BAD
    assert written(shop, body="x" * (BODY_CHARACTERS - len(token) + 1) + token) is Verdict.OK


def test_it_holds_the_campaign_and_its_mails_and_nothing_else(shop: Shop) -> None:
    shop.mails(3, status="queued", subject="'Hello {{name}}'", campaign_id="2", lead_id="n")
    shop.mails(2, status="queued", subject="'Hello Ada'", campaign_id="2", lead_id="10 + n")
    shop.mails(4, status="queued", subject="'Hello Ada'")
    shop.mails(1, subject="'Hello {{name}}'", campaign_id="2")
    before = shop.run("SELECT * FROM email_sends ORDER BY id")
    found = check_unreplaced_tokens.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "3 queued mails and 1 of the last 24 h show a token, in 1 running campaign: '{{name}}' in Win back (2). At "
        "most 2,000 of each were read."
    )
    action = HoldCampaigns()
    plan = action.plan(shop.door())
    assert plan.does.startswith("Pause 1 campaign: Win back (2). 5 mails wait in their queue")
    assert plan.does.endswith("3 mails are taken out of it.")
    outcome = action.apply(shop.door(), plan)
    assert outcome.complete
    assert shop.run("SELECT status FROM campaigns ORDER BY id") == [("active",), ("paused",)]
    assert shop.run("SELECT lead_id FROM email_sends WHERE send_status = 'cancelled' ORDER BY 1") == [(1,), (2,), (3,)]
    # What was sent yesterday cannot be recalled; its campaign is held, and that is all there is to do.
    assert check_unreplaced_tokens.fn(shop.door()).verdict is Verdict.OK
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.apply(shop.door(), back.plan(shop.door())).complete
    assert shop.run("SELECT status FROM campaigns ORDER BY id") == [("active",), ("active",)]
    assert shop.run("SELECT * FROM email_sends ORDER BY id") == before


def test_it_needs_no_body(shop: Shop) -> None:
    shop.mails(1, status="queued", subject="'{{name}}'", body="NULL")
    assert check_unreplaced_tokens.fn(shop.door("sends.body")).verdict is Verdict.BAD
    assert check_unreplaced_tokens.fn(shop.door()).verdict is Verdict.BAD
    with pytest.raises(Refused, match=r"sends\.subject"):
        check_unreplaced_tokens.fn(shop.door("sends.subject"))


def test_it_reads_so_many_and_says_so(shop: Shop) -> None:
    shop.mails(MOST_MAILS, status="queued", subject="'Hello'")
    shop.mails(1, status="queued", subject="'{{name}}'")
    found = check_unreplaced_tokens.fn(shop.door())
    assert (found.verdict, found.says) == (
        Verdict.OK,
        "No queued mail and 0 of the last 24 h show a token. At most 2,000 of each were read.",
    )


@pytest.mark.parametrize("name", ["NULL", "''", "'   '", "E'\\t\\n'", "U&'\\00A0'"])
def test_it_finds_leads_that_nothing_greets(shop: Shop, name: str) -> None:
    """3-30: 10 of the 160 leads with a missing name; empty and blank ones were missed."""
    shop.run(
        "INSERT INTO enrollments (lead_id, campaign_id, status, next_send_at) "
        "SELECT n, campaign, 'active', now() FROM generate_series(1, 20) n, generate_series(1, 2) campaign"
    )
    assert check_incomplete_leads.fn(shop.door()).verdict is Verdict.OK
    # One that gets no mail needs no name.
    shop.run(f"UPDATE leads SET name = {name} WHERE id IN (3, 500)")  # noqa: S608
    found = check_incomplete_leads.fn(shop.door())
    assert (found.verdict, found.says) == (Verdict.BAD, "1 lead that gets mail has no name or no address.")
    assert found.rows == [{"lead": "3", "no_address": False, "no_name": True, "enrolments": 2}]


def test_it_withdraws_exactly_those_leads(shop: Shop) -> None:
    shop.run(
        "INSERT INTO enrollments (lead_id, campaign_id, status, next_send_at) "
        "SELECT n, campaign, 'active', now() FROM generate_series(1, 20) n, generate_series(1, 2) campaign;"
        "UPDATE leads SET name = ' ' WHERE id = 3"
    )
    shop.mails(5, status="queued", lead_id="n")
    before = [shop.run(f"SELECT * FROM {table} ORDER BY id") for table in ("enrollments", "email_sends", "leads")]  # noqa: S608
    action = WithdrawIncompleteLeads()
    plan = action.plan(shop.door())
    assert plan.does == (
        "End the enrolments of 1 lead without a name or an address: 2 enrolments end, 1 queued mail is withdrawn."
    )
    outcome = action.apply(shop.door(), plan)
    assert outcome.complete
    ended = shop.run("SELECT lead_id, completion_reason FROM enrollments WHERE status = 'completed'")
    assert ended == [(3, "incomplete_lead"), (3, "incomplete_lead")]
    assert shop.run("SELECT lead_id FROM email_sends WHERE send_status = 'cancelled'") == [(3,)]
    assert check_incomplete_leads.fn(shop.door()).verdict is Verdict.OK
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.apply(shop.door(), back.plan(shop.door())).complete
    after = [shop.run(f"SELECT * FROM {table} ORDER BY id") for table in ("enrollments", "email_sends", "leads")]  # noqa: S608
    assert after == before
