"""Leads that must get no more mail: exactly theirs ends, nothing is deleted, and it can be taken back."""

from __future__ import annotations

import pytest

from tasks.action import Action
from tasks.application.leads import (
    MOST_LEADS,
    EndEnrolmentsOfInvalid,
    EndEnrolmentsOfRefused,
    MarkAddressesInvalid,
)
from tasks.application.reactions.bounces import check_bounced_leads, check_mail_to_invalid_leads, check_refused_leads
from tasks.model import Outcome, Refused, Verdict
from tests.tasks.application.conftest import Shop

TABLES = ("leads", "enrollments", "email_sends", "email_events")


def enrolled(shop: Shop, leads: int = 600, status: str = "active") -> None:
    """Each of them in both campaigns."""
    shop.run(
        "INSERT INTO enrollments (lead_id, campaign_id, status, next_send_at) "  # noqa: S608
        f"SELECT n, campaign, '{status}', now() + interval '1 day' FROM generate_series(1, {leads}) n, "
        "generate_series(1, 2) campaign ORDER BY n, campaign"
    )


def rows(shop: Shop) -> list[list[tuple[object, ...]]]:
    return [shop.run(f"SELECT * FROM {table} ORDER BY id") for table in TABLES]  # noqa: S608


def ended(shop: Shop) -> list[tuple[object, ...]]:
    return shop.run(
        "SELECT lead_id, campaign_id, completion_reason FROM enrollments WHERE status = 'completed' ORDER BY 1, 2"
    )


def invalid(shop: Shop) -> list[object]:
    return [row[0] for row in shop.run("SELECT id FROM leads WHERE status = 'invalid' ORDER BY id")]


def done(shop: Shop, action: Action) -> Outcome:
    return action.apply(shop.door(), action.plan(shop.door()))


def test_it_ends_the_enrolments_of_the_invalid_lead_and_of_no_other(shop: Shop) -> None:
    """3-1: with one invalid lead, seed S3's statement ended 59,896 of 59,896 enrolments; with none, 0."""
    enrolled(shop)
    action = EndEnrolmentsOfInvalid()
    assert action.plan(shop.door()).commands == ()
    shop.run("UPDATE leads SET status = 'invalid' WHERE id = 7")
    plan = action.plan(shop.door())
    assert plan.does == (
        "End the enrolments of 1 lead with an invalid address: 2 enrolments end, No queued mail is withdrawn."
    )
    assert [command.target["key"] for command in plan.commands] == [
        str(row[0]) for row in shop.run("SELECT id FROM enrollments WHERE lead_id = 7 ORDER BY id")
    ]
    assert action.apply(shop.door(), plan).complete
    assert ended(shop) == [(7, 1, "invalid_email"), (7, 2, "invalid_email")]
    assert shop.run("SELECT count(*) FROM enrollments WHERE status = 'active'") == [(1198,)]
    assert action.applied(shop.door(), plan) is True
    assert check_mail_to_invalid_leads.fn(shop.door()).verdict is Verdict.OK


def test_it_touches_what_is_active_only_and_withdraws_what_waits(shop: Shop) -> None:
    """3-2: 842 of 2,808 had been finished and lost how; 1,966 queued mails were left to go out."""
    enrolled(shop, leads=3)
    shop.run(
        "UPDATE enrollments SET status = 'completed', completion_reason = 'sequence_finished' WHERE campaign_id = 2;"
        "UPDATE leads SET status = 'invalid' WHERE id = 1"
    )
    shop.mails(3, status="queued")
    shop.mails(3)
    before = rows(shop)
    action = EndEnrolmentsOfInvalid()
    plan = action.plan(shop.door())
    assert plan.does.endswith(": 1 enrolment ends, 1 queued mail is withdrawn.")
    outcome = action.apply(shop.door(), plan)
    assert ended(shop)[:2] == [(1, 1, "invalid_email"), (1, 2, "sequence_finished")]
    assert shop.run("SELECT lead_id, count(*) FROM email_sends WHERE send_status = 'cancelled' GROUP BY 1") == [(1, 1)]
    assert len(shop.run("SELECT 1 FROM email_sends WHERE send_status = 'queued'")) == 2
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.apply(shop.door(), back.plan(shop.door())).complete
    assert rows(shop) == before


def test_it_says_that_queued_mails_stay_where_their_status_is_not_mapped(shop: Shop) -> None:
    enrolled(shop, leads=1)
    shop.mails(1, status="queued")
    shop.run("UPDATE leads SET status = 'invalid' WHERE id = 1")
    door = shop.door(sends={"statuses": {"queued": ["queued"], "failed": ["failed"]}})
    plan = EndEnrolmentsOfInvalid().plan(door)
    assert plan.does.endswith("No queued mail is withdrawn (sends.statuses.withdrawn is not mapped).")
    assert {command.target["part"] for command in plan.commands} == {"enrolments"}


def test_it_marks_what_bounced_hard_once_and_nothing_else(shop: Shop) -> None:
    """3-14: `HAVING COUNT(*) >= 2` showed 27 of 1,421; 3-15: a blocked mail says nothing about the address."""
    enrolled(shop, leads=10)
    shop.mails(1, status="bounced", bounce_type="'hard'", lead_id="1", ago="3 days")
    shop.mails(2, status="bounced", bounce_type="'hard'", lead_id="2", ago="5 hours")
    shop.mails(5, status="bounced", bounce_type="'blocked'", lead_id="3")
    shop.mails(2, status="bounced", bounce_type="'soft'", lead_id="4")
    shop.mails(1, status="bounced", bounce_type="'hard'", lead_id="5", ago="20 days")
    shop.mails(3, status="queued", lead_id="n")
    found = check_bounced_leads.fn(shop.door())
    assert (found.verdict, found.value) == (Verdict.WARN, 2)
    assert found.says == "2 leads bounced hard within 14 days and may still be written to (bad from 20)."
    assert "@" not in str(found.rows)
    action = MarkAddressesInvalid()
    plan = action.plan(shop.door())
    assert plan.does == "Mark 2 leads invalid: 4 enrolments end, 2 queued mails are withdrawn."
    assert action.apply(shop.door(), plan).complete
    assert invalid(shop) == [1, 2]
    assert {row[0] for row in ended(shop)} == {1, 2}
    assert check_bounced_leads.fn(shop.door()).verdict is Verdict.OK
    # 3-13: every further run wrote all 1,421 rows again.
    assert action.plan(shop.door()).commands == ()


def test_it_marks_whatever_else_a_lead_holds(own_shop: Shop) -> None:
    """3-13: one row whose metadata was a string, null or an array, and none of 1,421 was marked."""
    own_shop.run("ALTER TABLE leads ADD metadata jsonb; UPDATE leads SET status = NULL WHERE id = 3")
    for lead, held in enumerate(('"text"', "null", "[1]", '{"a": 1}'), 1):
        own_shop.run(f"UPDATE leads SET metadata = '{held}' WHERE id = {lead}")  # noqa: S608
    own_shop.mails(4, status="bounced", bounce_type="'hard'")
    assert done(own_shop, MarkAddressesInvalid()).complete
    assert invalid(own_shop) == [1, 2, 3, 4]


def test_it_deletes_nothing(shop: Shop) -> None:
    """0-2: deleting 2,337 leads took 18,448 mails and 8,926 events, and the next import brought the addresses back."""
    enrolled(shop, leads=5)
    shop.mails(5, status="bounced", bounce_type="'hard'")
    shop.events("open", 5)
    before = [len(table) for table in rows(shop)]
    assert done(shop, MarkAddressesInvalid()).complete
    assert [len(table) for table in rows(shop)] == before


def test_nothing_grows_between_plan_and_apply(shop: Shop) -> None:
    enrolled(shop, leads=5)
    shop.mails(1, status="bounced", bounce_type="'hard'")
    action = MarkAddressesInvalid()
    plan = action.plan(shop.door())
    shop.mails(1, status="bounced", bounce_type="'hard'", lead_id="2")
    shop.mails(1, status="queued", lead_id="1")
    shop.run(
        "UPDATE enrollments SET status = 'completed', completion_reason = 'replied' "
        "WHERE id = (SELECT min(id) FROM enrollments)"
    )
    outcome = action.apply(shop.door(), plan)
    assert (outcome.complete, invalid(shop)) == (False, [1])
    assert ended(shop) == [(1, 1, "replied"), (1, 2, "invalid_email")]
    assert len(shop.run("SELECT 1 FROM email_sends WHERE send_status = 'queued'")) == 1
    back = action.undoing(plan, outcome)
    assert back is not None
    back.apply(shop.door(), back.plan(shop.door()))
    assert (invalid(shop), ended(shop)) == ([], [(1, 1, "replied")])


def test_it_gives_a_mailbox_up_after_three_refusals(shop: Shop) -> None:
    enrolled(shop, leads=5)
    for lead, times in ((1, 2), (2, 3), (3, 4)):
        shop.mails(times, status="bounced", bounce_type="'soft'", lead_id=str(lead), ago="4 days")
    shop.run("UPDATE enrollments SET status = 'completed' WHERE lead_id = 3")
    found = check_refused_leads.fn(shop.door())
    assert found.says == "1 lead had 3 soft bounces within 14 days and still gets mail (bad from 20)."
    assert done(shop, EndEnrolmentsOfRefused()).complete
    assert [row for row in ended(shop) if row[2]] == [(2, 1, "mailbox_refuses"), (2, 2, "mailbox_refuses")]
    assert invalid(shop) == []
    assert check_refused_leads.fn(shop.door()).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("amount", "verdict"), [(0, Verdict.OK), (1, Verdict.WARN), (19, Verdict.WARN), (20, Verdict.BAD)]
)
def test_it_judges_how_many_there_are(shop: Shop, amount: int, verdict: Verdict) -> None:
    enrolled(shop, leads=30)
    shop.mails(amount, status="bounced", bounce_type="'hard'")
    assert check_bounced_leads.fn(shop.door()).verdict is verdict
    shop.run(f"UPDATE leads SET status = 'invalid' WHERE id <= {amount}")  # noqa: S608
    found = check_mail_to_invalid_leads.fn(shop.door())
    assert (found.verdict, found.value) == (verdict, amount)


def test_it_leaves_the_rest_for_the_next_time(shop: Shop) -> None:
    shop.mails(MOST_LEADS + 3, status="bounced", bounce_type="'hard'")
    action = MarkAddressesInvalid()
    plan = action.plan(shop.door())
    assert plan.does.endswith("3 more leads wait for the next time.")
    assert (len(plan.commands), action.people(plan)) == (MOST_LEADS, 2)
    assert action.apply(shop.door(), plan).complete
    assert len(action.plan(shop.door()).commands) == 3


def test_it_says_which_line_is_missing(shop: Shop) -> None:
    with pytest.raises(Refused, match=r"leads\.statuses\.invalid"):
        MarkAddressesInvalid().plan(shop.door("leads.statuses"))
    with pytest.raises(Refused, match=r"enrolments\.statuses\.ended"):
        EndEnrolmentsOfInvalid().plan(shop.door(enrolments={"statuses": {"active": ["active"]}}))


def test_it_needs_no_reason_column(shop: Shop) -> None:
    enrolled(shop, leads=2)
    shop.run("UPDATE leads SET status = 'invalid' WHERE id = 1")
    door = shop.door("enrolments.reason")
    action = EndEnrolmentsOfInvalid()
    assert action.apply(door, action.plan(door)).complete
    assert ended(shop) == [(1, 1, None), (1, 2, None)]
