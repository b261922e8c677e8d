"""Figures that are missing are counted anew, of exactly the days shown; and what was there before can be put back."""

from __future__ import annotations

import pytest

from tasks.application.analytics.backfill import MOST_DAYS, BackfillFigures, PutFiguresBack
from tasks.application.analytics.checks import check_analytics_gaps, check_analytics_updater
from tasks.application.analytics.faults import StopUpdater
from tasks.application.analytics.updater import RunUpdater
from tasks.application.days import day_before
from tasks.environment import Environment, Kind
from tasks.model import Outcome, Refused, Verdict
from tests.tasks.application.conftest import Shop

TODAY = "(now() AT TIME ZONE 'UTC')::date"
ALL = "SELECT * FROM campaign_analytics ORDER BY 1, 2"


def mails(shop: Shop, campaign: int, *days_ago: int, amount: int = 4) -> None:
    for ago in days_ago:
        at = f"({TODAY} - {ago}) AT TIME ZONE 'UTC' + interval '12 hours'"
        shop.mails(amount, campaign_id=str(campaign), actual_send_time=at)


def day(shop: Shop, ago: int) -> str:
    return str(day_before(shop.door().now(), "UTC", ago).date)


@pytest.fixture
def writable(own_shop: Shop) -> Shop:
    own_shop.run("GRANT INSERT, DELETE ON campaign_analytics TO actor")
    return own_shop


@pytest.mark.parametrize(("lacking", "verdict"), [((), Verdict.OK), ((3,), Verdict.WARN), ((3, 4), Verdict.BAD)])
def test_it_sees_holes_between_days_that_are_there(shop: Shop, lacking: tuple[int, ...], verdict: Verdict) -> None:
    """3-19: yesterday filled, four of five days still missing, and the symptom gone."""
    mails(shop, 1, 1, 2, 3, 4, 5, 15)
    for ago in {1, 2, 3, 4, 5} - {*lacking}:
        shop.run(f"INSERT INTO campaign_analytics VALUES (1, {TODAY} - {ago}, 1, 1, 0, 4, 1, 1, 0, 'org')")  # noqa: S608
    found = check_analytics_gaps.fn(shop.door())
    assert (found.verdict, found.value) == (verdict, len(lacking))
    if verdict is Verdict.BAD:
        assert found.says == "The figures of 2 campaign days are missing, most of 'Welcome': 2 days (bad from 2)."


def test_it_sees_a_row_whose_figures_were_left_empty(shop: Shop) -> None:
    """3-19: the source's own repair leaves unsubscribe_rate NULL."""
    mails(shop, 1, 1)
    shop.run(f"INSERT INTO campaign_analytics VALUES (1, {TODAY} - 1, 1, 1, NULL, 4, 1, 1, 0, 'org')")  # noqa: S608
    found = check_analytics_gaps.fn(shop.door())
    assert found.says.startswith("The figures of 1 campaign day are missing, 1 of them with a row that lacks some")
    # What cannot be counted anew is not missed.
    assert check_analytics_gaps.fn(shop.door("events")).verdict is Verdict.OK


def test_it_writes_exactly_the_days_shown_and_counts_by_the_mail(writable: Shop) -> None:
    """3-20: two mails to one lead, both opened, are 100 %, not 50."""
    shop = writable
    mails(shop, 1, 1, 2)
    mails(shop, 2, 2)
    shop.run("UPDATE email_sends SET lead_id = 1")
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp) SELECT id, 'open', now() "
        "FROM email_sends WHERE campaign_id = 2 ORDER BY id LIMIT 3"
    )
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp) SELECT id, 'open', now() "
        "FROM email_sends WHERE campaign_id = 2 ORDER BY id LIMIT 3"
    )
    plan = BackfillFigures().plan(shop.door())
    assert (plan.blast_radius.touched, plan.blast_radius.noun) == (3, "campaign days")
    assert plan.does == "Write the figures of 3 campaign days: 3 without a row, 0 with a row that lacks some."
    assert [(row["campaign"], row["day"]) for row in plan.evidence] == [
        ("Welcome", day(shop, 2)), ("Welcome", day(shop, 1)), ("Win back", day(shop, 2)),
    ]  # fmt: skip
    # A day that came after the plan is not among them.
    mails(shop, 2, 3)
    outcome = BackfillFigures().apply(shop.door(), plan)
    assert (outcome.complete, outcome.says) == (True, "The figures of 3 campaign days of 3 written.")
    assert shop.run("SELECT count(*) FROM campaign_analytics") == [(3,)]
    assert shop.run(
        "SELECT sent, opened, clicked, open_rate::float8, unsubscribe_rate::float8, organization_id "
        "FROM campaign_analytics WHERE campaign_id = 2"
    ) == [(4, 3, 0, 75.0, 0.0, "org")]
    assert BackfillFigures().applied(shop.door(), plan) is True


def test_it_changes_nothing_the_second_time(writable: Shop) -> None:
    mails(writable, 1, 1, 2)
    plan = BackfillFigures().plan(writable.door())
    BackfillFigures().apply(writable.door(), plan)
    before = writable.run(ALL)
    again = BackfillFigures().apply(writable.door(), plan)
    assert (again.complete, len(again.not_done)) == (False, 2)
    assert writable.run(ALL) == before
    assert BackfillFigures().plan(writable.door()).commands == ()


def test_it_fills_in_only_what_a_row_lacks_and_puts_back_what_it_held(writable: Shop) -> None:
    shop = writable
    mails(shop, 1, 1, 2)
    shop.run(f"INSERT INTO campaign_analytics VALUES (1, {TODAY} - 1, 33, NULL, NULL, 99, 1, NULL, 0, 'other')")  # noqa: S608
    before = shop.run(ALL)
    plan = BackfillFigures().plan(shop.door())
    outcome = BackfillFigures().apply(shop.door(), plan)
    assert shop.run(f"SELECT open_rate::int, click_rate::int, sent, clicked, organization_id FROM campaign_analytics WHERE analytics_date = {TODAY} - 1") == [  # noqa: S608, E501
        (33, 0, 99, 0, "other")
    ]  # fmt: skip
    back = BackfillFigures().undoing(plan, outcome)
    assert back is not None
    putting = back.plan(shop.door())
    assert putting.does == "Put the figures of 2 campaign days back as they were."
    assert back.applied(shop.door(), putting) is False
    assert back.apply(shop.door(), putting).complete
    assert back.applied(shop.door(), putting) is True
    assert shop.run(ALL) == before


def test_it_does_not_put_back_what_somebody_changed_since(writable: Shop) -> None:
    mails(writable, 1, 1, 2)
    plan = BackfillFigures().plan(writable.door())
    outcome = BackfillFigures().apply(writable.door(), plan)
    writable.run(f"UPDATE campaign_analytics SET opened = 4 WHERE analytics_date = {TODAY} - 2")  # noqa: S608
    back = BackfillFigures().undoing(plan, outcome)
    assert back is not None
    putting = back.plan(writable.door())
    assert putting.does == "Put the figures of 1 campaign day back as they were. 1 row changed since: not touched."
    assert back.apply(writable.door(), putting).complete
    assert writable.run("SELECT opened FROM campaign_analytics") == [(4,)]


def test_it_puts_nothing_back_where_nobody_knows_what_was_written(writable: Shop) -> None:
    mails(writable, 1, 1)
    plan = BackfillFigures().plan(writable.door())
    BackfillFigures().apply(writable.door(), plan)
    back = BackfillFigures().undoing(plan, Outcome(says="The process died.", complete=False))
    assert isinstance(back, PutFiguresBack)
    assert back.plan(writable.door()).commands == ()


def test_it_leaves_a_day_alone_that_was_written_meanwhile(writable: Shop) -> None:
    mails(writable, 1, 1, 2)
    plan = BackfillFigures().plan(writable.door())
    writable.run(f"INSERT INTO campaign_analytics VALUES (1, {TODAY} - 1, 1, 2, 3, 4, 5, 6, 7, 'x')")  # noqa: S608
    held = writable.run(ALL)
    outcome = BackfillFigures().apply(writable.door(), plan)
    assert outcome.says == (
        "The figures of 1 campaign day of 2 written. 1 day had figures by then, or no mails: not touched."
    )
    assert held[0] in writable.run(ALL)


def test_its_days_begin_where_the_updaters_do(writable: Shop) -> None:
    """3-25: the same "yesterday" is another set of rows in Tokyo."""
    at = f"({TODAY} - 3) AT TIME ZONE 'UTC' + interval '20 hours'"
    writable.mails(4, campaign_id="1", actual_send_time=at)
    door = writable.door(analytics={"time_zone": "Asia/Tokyo"})
    plan = BackfillFigures().plan(door)
    assert [command.target["day"] for command in plan.commands] == [day(writable, 2)]
    assert BackfillFigures().apply(door, plan).complete
    assert BackfillFigures().plan(door).commands == ()
    with pytest.raises(Refused, match="in which time zone") as told:
        BackfillFigures().plan(writable.door("analytics.time_zone"))
    assert told.value.remedy.startswith("Write in environments.toml")


@pytest.mark.parametrize(
    ("without", "says"),
    [
        ("ALTER TABLE campaign_analytics DROP CONSTRAINT campaign_analytics_campaign_id_analytics_date_key", "unique"),
        ("ALTER TABLE campaign_analytics ADD region text NOT NULL", "needs region"),
        ("REVOKE INSERT ON campaign_analytics FROM actor, app", "may not write"),
    ],
)
def test_it_refuses_before_anybody_is_asked(writable: Shop, without: str, says: str) -> None:
    """3-19: without the unique index the source's own statement fails."""
    mails(writable, 1, 1)
    writable.run(without)
    with pytest.raises(Refused, match=says) as told:
        BackfillFigures().plan(writable.door())
    assert told.value.remedy


def test_it_commits_nothing_that_the_plan_did_not_tell_of(writable: Shop) -> None:
    mails(writable, 1, 1)
    plan = BackfillFigures().plan(writable.door())
    writable.run(
        "CREATE FUNCTION along() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN UPDATE campaigns SET status = 'gone'; RETURN NEW; END $$;"
        "CREATE TRIGGER along AFTER INSERT ON campaign_analytics FOR EACH ROW EXECUTE FUNCTION along()"
    )
    with pytest.raises(Refused, match="More would be changed than was planned"):
        BackfillFigures().apply(writable.door(), plan)
    assert writable.run("SELECT count(*) FROM campaign_analytics") == [(0,)]
    told = BackfillFigures().plan(writable.door())
    assert "along on public.campaign_analytics" in told.does
    assert BackfillFigures().apply(writable.door(), told).complete


def test_a_campaign_may_be_called_anything(writable: Shop) -> None:
    hostile = "'); DROP TABLE campaigns; --%s"
    writable.run(
        "ALTER TABLE campaigns ALTER id TYPE text; ALTER TABLE email_sends ALTER campaign_id TYPE text;"
        "ALTER TABLE campaign_analytics ALTER campaign_id TYPE text"
    )
    writable.run("INSERT INTO campaigns VALUES ('" + hostile.replace("'", "''") + "', 'x')")  # noqa: S608
    writable.mails(
        2, campaign_id="'" + hostile.replace("'", "''") + "'", actual_send_time=f"({TODAY} - 1) + interval '12 hours'"
    )
    plan = BackfillFigures().plan(writable.door())
    assert BackfillFigures().apply(writable.door(), plan).complete
    assert writable.run("SELECT campaign_id FROM campaign_analytics") == [(hostile,)]


def test_it_writes_no_more_at_once_than_a_record_holds(writable: Shop) -> None:
    writable.run("INSERT INTO campaigns SELECT n, 'c' || n FROM generate_series(3, 102) n")
    writable.run(
        "INSERT INTO email_sends (campaign_id, send_status, actual_send_time) "  # noqa: S608
        f"SELECT c.id, 'sent', ({TODAY} - ago) AT TIME ZONE 'UTC' FROM campaigns c, generate_series(1, 12) ago"
    )
    plan = BackfillFigures().plan(writable.door())
    assert len(plan.commands) == MOST_DAYS
    assert plan.does.endswith("224 more days wait for the next time.")


@pytest.mark.parametrize(
    ("is_", "verdict"),
    [
        ("active = true, next_run_at = now()", Verdict.OK),
        ("active = true, next_run_at = now() - interval '61 minutes'", Verdict.WARN),
        ("active = true, next_run_at = now() - interval '7 hours'", Verdict.BAD),
        ("active = true, next_run_at = now() + interval '2 days'", Verdict.BAD),
        ("active = false, next_run_at = now()", Verdict.BAD),
    ],
)
def test_it_asks_whether_the_updater_runs(shop: Shop, is_: str, verdict: Verdict) -> None:
    shop.run(f"UPDATE workflows SET {is_} WHERE workflow_name = 'Updater'")  # noqa: S608
    found = check_analytics_updater.fn(shop.door())
    assert found.verdict is verdict
    assert found.says.startswith("The updater 'Updater' is switched o")


def test_it_has_the_updater_run_and_off_again(shop: Shop) -> None:
    shop.run("UPDATE workflows SET active = false, next_run_at = now() + interval '9 days'")
    before = shop.run("SELECT * FROM workflows ORDER BY 1")
    plan = RunUpdater().plan(shop.door())
    assert plan.does == "Have 'Updater' run."
    outcome = RunUpdater().apply(shop.door(), plan)
    assert check_analytics_updater.fn(shop.door()).verdict is Verdict.OK
    back = RunUpdater().undoing(plan, outcome)
    assert back is not None
    assert back.apply(shop.door(), back.plan(shop.door())).complete
    assert shop.run("SELECT * FROM workflows ORDER BY 1") == before


def test_a_drill_leaves_nothing_behind(own_shop: Shop) -> None:
    mails(own_shop, 1, 1, 2, 3)
    for ago in (1, 2, 3):
        own_shop.run(f"INSERT INTO campaign_analytics VALUES (1, {TODAY} - {ago}, 1, 1, 0, {ago}, 1, 1, 0, 'org')")  # noqa: S608
    before = [own_shop.run(ALL), own_shop.run("SELECT * FROM workflows ORDER BY 1")]
    there = Environment(name="lab", kind=Kind.LAB, systems={"application": own_shop.door()})
    own_shop.run("GRANT INSERT, DELETE ON campaign_analytics TO actor")
    with StopUpdater().during(there):
        assert check_analytics_gaps.ask(there).value == 2
        assert check_analytics_updater.ask(there).verdict is Verdict.BAD
        assert BackfillFigures().apply(own_shop.door(), BackfillFigures().plan(own_shop.door())).complete
        RunUpdater().apply(own_shop.door(), RunUpdater().plan(own_shop.door()))
        assert check_analytics_gaps.ask(there).verdict is Verdict.OK
    assert [own_shop.run(ALL), own_shop.run("SELECT * FROM workflows ORDER BY 1")] == before
