"""Events that are there twice: one of each stays, no unsubscribe ever goes, and all of it can be taken back."""

from __future__ import annotations

import pytest

from tasks.application.rows import actions
from tasks.application.rows.actions import BringEventsBack, RemoveDuplicateEvents
from tasks.application.rows.checks import check_repeated_rows
from tasks.application.rows.duplicates import check_duplicate_events
from tasks.model import Refused, Verdict
from tests.tasks.application.conftest import Shop

ASIDE = "archive.email_events_repeated"


def told(shop: Shop, kind: str, mails: int = 5, times: int = 1, at: str = "2 hours", detail: str = "NULL") -> None:
    """Of the first mails, so many times, at the same moment and each under an id of its own."""
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash, detail) "  # noqa: S608
        f"SELECT id, '{kind}', date_trunc('hour', now()) - interval '{at}', md5(random()::text || id || t), {detail} "
        f"FROM (SELECT id FROM email_sends ORDER BY id LIMIT {mails}) s, generate_series(1, {times}) t"
    )


def events(shop: Shop) -> list[tuple[object, ...]]:
    return shop.run("SELECT * FROM email_events ORDER BY id")


@pytest.fixture
def twice(own_shop: Shop) -> Shop:
    """Openings three times, clicks on two links, unsubscribes twice."""
    own_shop.run(
        "CREATE SCHEMA archive; GRANT CREATE, USAGE ON SCHEMA archive TO actor;"
        "GRANT INSERT, DELETE ON email_events TO actor"
    )
    own_shop.mails(10)
    told(own_shop, "open", times=3)
    told(own_shop, "click", detail="'https://example.com/a'")
    told(own_shop, "click", detail="'https://example.com/b'")
    told(own_shop, "unsubscribe", times=2)
    told(own_shop, "group_unsubscribe", times=2)
    told(own_shop, "spamreport", times=2)
    return own_shop


def test_it_counts_what_is_there_once_more(twice: Shop) -> None:
    found = check_duplicate_events.fn(twice.door())
    assert found.verdict is Verdict.WARN
    assert found.says == (
        "10 events of the last 7 days are there once more under another id (bad from 20). Besides 15 unsubscribe or "
        "complaints told again, which stay."
    )
    # Every hash is another, so that the unique index saw nothing.
    assert check_repeated_rows.fn(twice.door()).verdict is Verdict.OK
    told(twice, "open", times=2)
    assert check_duplicate_events.fn(twice.door()).verdict is Verdict.BAD
    # Without the detail two links are one.
    assert check_duplicate_events.fn(twice.door("events.detail")).value == 25


def test_it_keeps_one_of_each_and_every_unsubscribe(twice: Shop) -> None:
    """3-5, 4-8: a clean-up took 69 of 229 unsubscribes, and 276,558 of 691,393 events were evidence."""
    before = events(twice)
    action = RemoveDuplicateEvents()
    plan = action.plan(twice.door())
    assert plan.does == f"Move 10 events from public.email_events to {ASIDE}; one of each stays."
    assert str(plan.blast_radius).startswith("10 of ")
    assert events(twice) == before
    assert action.applied(twice.door(), plan) is False
    outcome = action.apply(twice.door(), plan)
    assert (outcome.complete, outcome.says) == (True, f"10 events of 10 taken out, and kept in {ASIDE}.")
    assert action.applied(twice.door(), plan) is True
    kinds = twice.run("SELECT event_type, count(*) FROM email_events GROUP BY 1 ORDER BY 1")
    assert kinds == [("click", 10), ("group_unsubscribe", 10), ("open", 5), ("spamreport", 10), ("unsubscribe", 10)]
    kept = twice.run("SELECT min(id) FROM email_events WHERE event_type = 'open' GROUP BY email_send_id ORDER BY 1")
    assert kept == [(row[0],) for row in before if row[2] == "open"][:5]
    assert check_duplicate_events.fn(twice.door()).verdict is Verdict.OK
    assert action.plan(twice.door()).commands == ()

    back = action.undoing(plan, outcome)
    assert isinstance(back, BringEventsBack)
    bringing = back.plan(twice.door())
    assert back.applied(twice.door(), bringing) is False
    assert back.apply(twice.door(), bringing).complete
    assert back.applied(twice.door(), bringing) is True
    assert events(twice) == before
    assert twice.run(f"SELECT count(*) FROM {ASIDE}") == [(0,)]  # noqa: S608
    # A second time there is nothing to bring back.
    assert back.plan(twice.door()).does == f"Move No event back from {ASIDE}. 10 events no longer there."


def test_it_refuses_where_nobody_said_what_an_unsubscribe_is(twice: Shop) -> None:
    types = {"open": ["open"], "click": ["click"], "unsubscribe": ["unsubscribe"], "complaint": ["spamreport"]}
    for name in ("unsubscribe", "complaint"):
        door = twice.door(events={"types": {key: value for key, value in types.items() if key != name}})
        with pytest.raises(Refused, match=rf"events\.types\.{name}"):
            RemoveDuplicateEvents().plan(door)


def test_it_takes_no_unsubscribe_though_a_plan_says_so(twice: Shop) -> None:
    """What was an opening when it was planned may be an unsubscribe when it is done."""
    action = RemoveDuplicateEvents()
    plan = action.plan(twice.door())
    twice.run("UPDATE email_events SET event_type = 'unsubscribe' WHERE event_type = 'open'")
    before = events(twice)
    outcome = action.apply(twice.door(), plan)
    assert (outcome.complete, len(outcome.not_done)) == (False, 10)
    assert events(twice) == before
    assert action.undoing(plan, outcome) is None


def test_it_leaves_the_last_one_alone(twice: Shop) -> None:
    """Nothing grows, and one that is the only one by now stays."""
    action = RemoveDuplicateEvents()
    plan = action.plan(twice.door())
    keeps = {int(str(command.target["keeps"])) for command in plan.commands}
    first = min(keeps)
    twice.run(f"DELETE FROM email_events WHERE id = {first}")  # noqa: S608
    told(twice, "open", times=2, at="5 hours")
    outcome = action.apply(twice.door(), plan)
    assert [row["keeps"] for row in outcome.not_done] == [str(first)] * 2
    assert (
        outcome.says == f"8 events of 10 taken out, and kept in {ASIDE}. 2 events changed or went since: not touched."
    )
    assert twice.run("SELECT count(*) FROM email_events WHERE event_type = 'open'") == [(6 + 10,)]


@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_it_takes_nothing_of_another_table(twice: Shop, rule: str) -> None:
    twice.run(
        f"CREATE TABLE notes (event bigint REFERENCES email_events ON DELETE {rule});"  # noqa: S608
        "INSERT INTO notes SELECT id FROM email_events"
    )
    before = events(twice)
    action = RemoveDuplicateEvents()
    with pytest.raises(Refused, match=r"More would go than events: 10 of public\.notes"):
        action.apply(twice.door(), action.plan(twice.door()))
    assert events(twice) == before
    assert twice.run("SELECT count(*) FROM notes WHERE event IS NOT NULL") == [(len(before),)]


def test_it_says_what_it_lacks_before_anybody_is_asked(twice: Shop) -> None:
    twice.run("REVOKE ALL ON SCHEMA archive FROM actor")
    with pytest.raises(Refused, match="may make no table there") as lacks:
        RemoveDuplicateEvents().plan(twice.door())
    assert lacks.value.remedy == (
        "CREATE SCHEMA IF NOT EXISTS archive; GRANT CREATE, USAGE ON SCHEMA archive TO actor;"
    )
    twice.run(lacks.value.remedy)
    twice.run(f"CREATE TABLE {ASIDE} (id bigint)")
    with pytest.raises(Refused, match="has other columns"):
        RemoveDuplicateEvents().plan(twice.door())
    # Roles are the server's, and another test may have made the one a member of the other.
    twice.run(f"DROP TABLE {ASIDE}; REVOKE DELETE ON email_events FROM actor, app")
    with pytest.raises(Refused, match="may not take rows out") as lacks:
        RemoveDuplicateEvents().plan(twice.door())
    assert lacks.value.remedy == "GRANT SELECT, INSERT, DELETE ON public.email_events TO actor;"


def test_it_leaves_the_rest_for_the_next_time(twice: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_EVENTS", 4)
    action = RemoveDuplicateEvents()
    plan = action.plan(twice.door())
    assert plan.does.endswith("6 more events wait for the next time.")
    assert action.apply(twice.door(), plan).complete
    assert len(action.plan(twice.door()).commands) == 4


def test_it_moves_every_column(twice: Shop) -> None:
    """A computed one and a name that is hostile, too."""
    twice.run(
        "ALTER TABLE email_events ADD doubled bigint GENERATED ALWAYS AS (email_send_id * 2) STORED, "
        'ADD "x}%s""; --" text DEFAULT \'kept\''
    )
    before = events(twice)
    action = RemoveDuplicateEvents()
    plan = action.plan(twice.door())
    outcome = action.apply(twice.door(), plan)
    assert outcome.complete
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.apply(twice.door(), back.plan(twice.door())).complete
    assert events(twice) == before
