"""Which curves a report shows, and of which time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from flows.journal import Entry, kinds
from flows.told.asked import all_asked
from flows.told.curves import SHOWN, curves, pictures, thirty_days
from runbooks.catalog import Catalog
from tasks.environment import Measured
from tasks.model import Threshold
from tests.flows.journal.conftest import Roles
from tests.flows.journal.old import old_incident

UNTIL = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHECK = "check_blocked_sessions"
# Twelve weeks, and a day after the end that nothing may show; of one check also in another place.
MEASURED = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT where_, name, at, CASE WHEN at > %(until)s THEN 1000 WHEN where_ = 'lab' THEN 500 ELSE 2 END, 's', 'OK', '{}'
      FROM (VALUES ('production', 'check_blocked_sessions'), ('production', 'check_deadlocks'),
                   ('lab', 'check_blocked_sessions')) AS series (where_, name),
           generate_series(%(until)s - interval '84 days', %(until)s + interval '1 day', '1 hour') AS at
"""
PLACE = Measured(time_zone="UTC", thresholds={CHECK: {"waited": Threshold(warn=3, bad=9, because="Owner: us.")}})


def measured(roles: Roles) -> None:
    with psycopg.connect(roles.owner_url) as session:
        session.execute(MEASURED, {"until": UNTIL})


def test_it_shows_the_month_before_with_what_is_known_there(roles: Roles) -> None:
    measured(roles)
    for number, slug in (
        (1, "database/blocked-sessions"),
        (2, "health/morning"),
        (3, "some/other"),
    ):
        opened = {"title": "t", "runbook": slug, "environment": "production", "severity": "P1"}
        at = UNTIL - timedelta(days=number)
        old_incident(roles, f"incident-{number}", at=f"{at:%Y-%m-%dT%H:%M:%S}.{{:06}}Z", opened=opened)
    known = all_asked(Catalog.load(), "production", PLACE)
    asked = [known[name] for name in (CHECK, "check_deadlocks", "check_host_cpu")]
    found = curves(roles.journal(), asked, UNTIL, {CHECK})
    # What was never a number has no curve.
    assert set(found) == {CHECK, "check_deadlocks"}
    drawn = found[CHECK]
    assert (drawn.since, drawn.until, drawn.unit) == (UNTIL - SHOWN, UNTIL, "s")
    assert {one.highest for one in drawn.buckets} == {2.0}
    assert drawn.limit == PLACE.thresholds[CHECK]["waited"]
    # A checklist that was gone through is no incident of what it asks.
    assert [one.name for one in drawn.incidents] == ["P1 incident"]
    assert drawn.incidents[0].opened.date() == (UNTIL - timedelta(days=1)).date()
    assert (len(drawn.usual), len(found["check_deadlocks"].usual)) == (168, 0)
    assert curves(roles.journal(), [], UNTIL, set()) == {}


def test_it_pictures_what_is_not_well(roles: Roles) -> None:
    measured(roles)
    known = all_asked(Catalog.load(), "production", PLACE)
    items = [
        {"key": CHECK, "verdict": "BAD"},
        {"key": "incidents", "verdict": "WARN"},
        {"key": "check_deadlocks", "verdict": "OK"},
    ]
    drawn = pictures(roles.journal(), known, {"items": items}, UNTIL)
    assert list(drawn) == [known[CHECK].check.question]
    assert (
        "check_blocked_sessions in production, 21 Oct 2026 – 20 Nov 2026</title>" in drawn[known[CHECK].check.question]
    )


def entry(kind: str, key: str, body: dict[str, Any]) -> Entry:
    at = f"{UNTIL:%Y-%m-%dT%H:%M:%S}.000000Z"
    return Entry(incident="i", seq=1, at=at, actor="a", kind=kind, key=key, body=body, prev="", hash="")


def test_it_tells_the_numbers_that_were_bad_in_a_line(roles: Roles) -> None:
    measured(roles)
    number = {"value": 3.0, "unit": "s"}
    entries = [
        entry("opened", "opened", {"environment": "production"}),
        entry(kinds.Finding.kind, f"diagnosis/{CHECK}", {"verdict": "BAD", **number}),
        entry(kinds.Finding.kind, "diagnosis/check_deadlocks", {"verdict": "OK", **number}),
        entry(kinds.Finding.kind, "diagnosis/check_mute", {"verdict": "BAD", "value": None, "unit": ""}),
        entry(kinds.Finding.kind, "diagnosis/check_never_kept", {"verdict": "BAD", **number}),
    ]
    assert thirty_days(roles.journal(), entries) == {CHECK: f"{'▄' * 30} 2 s to 2 s"}
    assert thirty_days(roles.journal(), entries[:1]) == {}
