"""Every question, whatever is mapped and whatever is there: an answer, or the line to write; never a crash."""

from __future__ import annotations

import re

import pytest

from tasks.application.rows.checks import check_repeated_rows
from tasks.check import Check
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Finding, Refused, Verdict
from tests.tasks.application.conftest import Shop
from tests.tasks.application.questions import FOLDER, FOUND, IN_NEED, OF_A_PLAYBOOK, QUESTIONS
from tests.tasks.application.tables import MAPPING

COLUMNS = [f"{part}.{name}" for part, columns in MAPPING.items() for name in columns if name != "table"]
_IS_CHECK = re.compile(r"@check\b")


def place(shop: Shop, *without: str, time_zone: str = "UTC") -> Environment:
    return Environment(
        name="here", kind=Kind.STAGING, time_zone=time_zone, systems={"application": shop.door(*without)}
    )


def asked(question: Check[...], there: Environment) -> Finding | None:
    """The answer; None where it said which lines are missing."""
    try:
        return question.ask(there)
    except Refused as error:
        if not error.remedy:
            pytest.fail(f"{question.name} does not say what to do: {error.says}")
        return None


def test_it_finds_them_all() -> None:
    """Guards the tests below."""
    written = [line for file in FOLDER.rglob("*.py") for line in file.read_text().splitlines() if _IS_CHECK.match(line)]
    assert len(FOUND) == len(written) > 35
    assert FOUND.keys() > OF_A_PLAYBOOK


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.name)
def test_it_answers_about_an_empty_application(shop: Shop, question: Check[...]) -> None:
    """No rate over nothing: what has no row is OK and said, but for workflows that never ran."""
    shop.run("UPDATE campaigns SET status = 'draft'")
    found = question.ask(place(shop))
    assert found.verdict is (Verdict.BAD if question.name in {"check_expected_workflows", *IN_NEED} else Verdict.OK)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.name)
def test_it_says_what_is_missing_where_nothing_is_mapped(shop: Shop, question: Check[...]) -> None:
    there = place(shop, *MAPPING)
    if question.name == "check_key_figures":
        found = question.ask(there)
        assert (found.verdict, found.value) == (Verdict.UNKNOWN, 7)
        assert found.remedy.startswith("Write in environments.toml")
        return
    with pytest.raises(Refused) as told:
        question.ask(there)
    assert told.value.remedy.startswith("Write in environments.toml")


@pytest.mark.strict("Each column is left out in the same way: six show it.", keeps=6)
@pytest.mark.parametrize("without", COLUMNS)
def test_it_asks_without_any_one_column(shop: Shop, without: str) -> None:
    there = place(shop, without)
    answered = [question for question in QUESTIONS if asked(question, there)]
    # One column is not what everything hangs on.
    assert len(answered) >= 5


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.name)
def test_it_is_silent_when_the_database_is(shop: Shop, question: Check[...]) -> None:
    door = shop.door().model_copy(update={"url": shop.stage.url("reader", "wrong")})
    there = Environment(name="here", kind=Kind.STAGING, systems={"application": door})
    with pytest.raises(CannotLook):
        question.ask(there)


def test_it_reads_moments_without_a_time_zone_as_utc(own_shop: Shop) -> None:
    """Many applications keep UTC in `timestamp`: the same answers, whatever the server's own zone is."""
    fill(own_shop)
    before = [asked(question, place(own_shop, time_zone="Asia/Tokyo")) for question in QUESTIONS]
    own_shop.run(
        "SET TimeZone = 'UTC';"
        "DROP INDEX email_sends_updated_at_idx, email_sends_scheduled_send_time_idx;"
        "ALTER TABLE email_sends ALTER scheduled_send_time TYPE timestamp, ALTER claimed_at TYPE timestamp, "
        "ALTER actual_send_time TYPE timestamp, ALTER created_at TYPE timestamp, ALTER updated_at TYPE timestamp;"
        "ALTER TABLE email_events ALTER event_timestamp TYPE timestamp;"
        "ALTER TABLE enrollments ALTER next_send_at TYPE timestamp, ALTER updated_at TYPE timestamp;"
        "ALTER TABLE workflow_executions ALTER created_at TYPE timestamp;"
        "ALTER TABLE settings ALTER changed_at TYPE timestamp;"
        "ALTER TABLE workflows ALTER next_run_at TYPE timestamp"
    )
    own_shop.run("ALTER ROLE reader SET TimeZone = 'America/New_York'")
    try:
        after = [asked(question, place(own_shop, time_zone="Asia/Tokyo")) for question in QUESTIONS]
    finally:
        own_shop.run("ALTER ROLE reader RESET TimeZone")
    for question, one, other in zip(QUESTIONS, before, after, strict=True):
        assert one is not None
        assert other is not None
        assert (question.name, one.verdict) == (question.name, other.verdict)


def test_it_asks_views_as_it_asks_tables(own_shop: Shop) -> None:
    """A view has no key that the server knows, which lets it tell a row's other columns."""
    fill(own_shop)
    own_shop.run("UPDATE leads SET name = ' ', status = 'invalid' WHERE id < 9")
    before = [asked(question, place(own_shop)) for question in QUESTIONS if question is not check_repeated_rows]
    for table in {columns["table"] for columns in MAPPING.values()}:
        own_shop.run(
            f"ALTER TABLE {table} RENAME TO {table}_kept; CREATE VIEW {table} AS SELECT * FROM {table}_kept;"  # noqa: S608
            f"GRANT SELECT ON {table} TO reader"
        )
    after = [asked(question, place(own_shop)) for question in QUESTIONS if question is not check_repeated_rows]
    assert [one and one.verdict for one in after] == [one and one.verdict for one in before]
    assert None not in before


def test_a_name_without_an_end_is_cut_off(own_shop: Shop) -> None:
    fill(own_shop)
    own_shop.run("UPDATE campaigns SET campaign_name = repeat('x', 1000000)")
    own_shop.run("UPDATE settings SET value = 'true', changed_by = repeat('x', 1000000), reason = changed_by")
    for question in QUESTIONS:
        found = asked(question, place(own_shop))
        assert found is not None
        assert len(found.says) < 3000


def fill(shop: Shop) -> None:
    """A little of everything that is judged."""
    shop.mails(3000, actual_send_time="now() - n * interval '200 seconds'", updated_at="now()")
    shop.mails(300, status="failed", ago="2 minutes", failure_reason="'HTTP 429'")
    shop.mails(300, status="queued", ago="20 minutes")
    shop.mails(40, status="bounced", ago="3 hours", bounce_type="'hard'")
    shop.events("open", 900)
    shop.events("spamreport", 20)
    shop.run(
        "INSERT INTO enrollments (lead_id, campaign_id, status, next_send_at) "
        "SELECT n, 1, 'active', now() - interval '2 hours' FROM generate_series(1, 30) n"
    )
    shop.ran("Sender", 30, status="error")
    shop.ran("Scheduler", 30, ms=30_000)
    shop.run("INSERT INTO campaign_analytics VALUES (1, (now() AT TIME ZONE 'UTC')::date - 3, 0.3, 0.1, 0)")
