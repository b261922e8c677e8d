"""A checklist: one verdict, one table, people told at once, and signatures that are waited for."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import Pause
from prefect.states import Completed

from flows.case.question import Answer, Decision, Question, open_question
from flows.gate.reply import reply
from flows.health import health
from flows.journal import JournalUnavailable, broken
from flows.journal.holding import Snooze
from flows.people.escalate import due
from flows.people.verdict import written
from flows.run.clock import now
from flows.run.trigger import trigger
from flows.told.report import report
from runbooks.checklist import Health
from tests.flows.room import CHECKLIST, Room, Script, said

SIGNED = (lambda question: said(question, note="Done."),) * 2


@pytest.fixture
def client(room: Room) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


def place(room: Room, name: str, *lines: str) -> str:
    """An environment of this test alone: what was checked before is another's."""
    system = f'[environments.{name}.systems.lamp]\nfile = "{room.lamp}"\n'
    people = f'[environments.{name}.approvers]\nana = {{ roles = ["on-call"] }}\n'
    with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
        config.write("\n".join([f"\n[environments.{name}]", 'kind = "staging"', *lines, system, people]))
    return name


def go(room: Room, environment: str, *replies: Any) -> Script:
    return room.live(*(replies or SIGNED), slug=CHECKLIST, environment=environment)


def item(room: Room, key: str) -> dict[str, Any]:
    return next(one for one in room.entry("checked")["items"] if one["key"] == key)


def silent(question: Question) -> Answer | None:
    return None


def test_it_says_in_the_first_words_that_nobody_has_to_act(room: Room) -> None:
    room.set(lit=True)
    go(room, place(room, "well"))
    checked = room.entry("checked")
    assert checked["says"].startswith("Nobody has to act now; it is worth a look. Of 6: 1 WARN, 5 OK.")
    # The warning: what should have run by itself never did.
    assert checked["items"][0]["key"] == "ran house/lamp-care"
    assert checked["items"][0]["says"] == "house/lamp-care has never run here."
    assert room.verdict == "healthy"
    assert broken(room.entries) is None


def test_it_asks_nothing_of_what_is_not_there_and_says_so_once(room: Room) -> None:
    room.set(lit=True)
    go(room, place(room, "without"))
    checked = room.entry("checked")
    assert checked["not_here"] == ["postgres"]
    assert not any("connect" in one["key"] for one in checked["items"])
    assert "diagnosis/check_can_connect" not in [entry.key for entry in room.entries]
    # Nor is anybody told that what has nothing to do here never ran.
    assert [one["key"] for one in checked["items"] if one["key"].startswith("ran ")] == ["ran house/lamp-care"]


def test_it_puts_the_worst_first_and_opens_its_runbook_once(room: Room, client: SyncPrefectClient) -> None:
    flow = client.create_flow_from_name("incident")
    for slug in ("house.dark-room", "house.blown-fuse"):
        client.create_deployment(flow_id=flow, name=slug, parameters={"runbook": slug.replace(".", "/")})
    where = place(room, "ill")
    go(room, where)
    assert room.verdict == "unhealthy"
    checked = room.entry("checked")
    assert checked["says"].startswith("Somebody has to act. Of 6: 1 BAD")
    first = checked["items"][0]
    assert (first["key"], first["verdict"]) == ("check_lamp_is_lit", "BAD")
    assert "house/dark-room is open: incident " in first["to_do"]
    opened = _opened(client, where)
    assert sorted(opened) == ["house/blown-fuse", "house/dark-room"]
    go(room, where)
    assert _opened(client, where) == opened


def _opened(client: SyncPrefectClient, where: str) -> dict[str, str]:
    runs = client.read_flow_runs(limit=200)
    mine = [run for run in runs if run.deployment_id and run.parameters.get("environment") == where]
    return {str(run.parameters["runbook"]): str(run.id) for run in mine}


def test_it_goes_on_where_what_is_bad_cannot_be_opened_yet(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.run.trigger import NotPublished

    def refuse(*_args: object) -> str:
        raise NotPublished("It is not published.")

    monkeypatch.setattr("flows.health.open_once", refuse)
    go(room, place(room, "unpublished"))
    assert "could not be opened yet: It is not published." in item(room, "check_lamp_is_lit")["to_do"]


def test_it_opens_nothing_whose_watch_is_paused(room: Room, client: SyncPrefectClient) -> None:
    paused = ", ".join(f'"house/{one}/check_lamp_is_lit"' for one in ("dark-room", "blown-fuse"))
    where = place(room, "paused", f"paused_watches = [{paused}]")
    go(room, where)
    assert item(room, "check_lamp_is_lit")["to_do"] == ""
    assert _opened(client, where) == {}


def test_it_opens_nothing_that_somebody_paused_for_a_while(room: Room, client: SyncPrefectClient) -> None:
    where = place(room, "resting")
    for one in ("dark-room", "blown-fuse"):
        name = f"watch:house/{one}/check_lamp_is_lit"
        room.journal.alerts.snooze(Snooze(fingerprint=name, environment=where, actor="ana", reason="Guests."), 60)
    go(room, where)
    assert item(room, "check_lamp_is_lit")["to_do"] == ""
    assert _opened(client, where) == {}


def test_it_leaves_for_after_the_quiet_hours_what_can_wait(room: Room, client: SyncPrefectClient) -> None:
    where = place(room, "quiet", "quiet_hours = { P2 = { start = 00:00:00, hours = 23.99 } }")
    go(room, where)
    assert "house/dark-room is opened after the quiet hours, " in item(room, "check_lamp_is_lit")["to_do"]
    assert "house/dark-room" not in _opened(client, where)


def test_it_says_what_is_otherwise_than_the_last_time(room: Room) -> None:
    where = place(room, "changing", 'paused_watches = ["house/dark-room/check_lamp_is_lit"]')
    room.set(lit=True)
    go(room, where)
    assert room.entry("checked")["changed"] == []
    room.set(lit=True, heat=95)
    go(room, where)
    (changed,) = room.entry("checked")["changed"]
    assert (changed["was"], changed["is"]) == ("OK", "BAD")
    assert "95 °C" in changed["says"]
    assert "OK → BAD" in written(room.entry("checked"))


def test_what_cannot_be_seen_is_no_health(room: Room) -> None:
    room.set(lit=None)
    go(room, place(room, "blind"))
    assert room.verdict == "cannot tell"
    assert room.entry("checked")["says"].startswith("Somebody has to look: not all could be seen.")


def test_it_shows_what_ran_beside_it_by_how_it_ended(room: Room) -> None:
    where = place(room, "cared")
    room.set(lit=True)
    room.live(slug="house/lamp-care", environment=where)
    go(room, where)
    assert item(room, "ran house/lamp-care")["verdict"] == "OK"
    assert "nothing to do" in item(room, "ran house/lamp-care")["says"]


def test_it_tells_before_anybody_signs(room: Room) -> None:
    told: list[list[str]] = []

    def look(question: Question) -> Answer:
        told.append(room_kinds(room, question.incident))
        return said(question)

    room.set(lit=True)
    go(room, place(room, "early"), look, look)
    assert "checked" in told[0]
    assert told[0].count("asked") == 1


def room_kinds(room: Room, incident: str) -> list[str]:
    return [entry.kind for entry in room.journal.read(incident)]


def test_a_signature_is_waited_for_until_it_is_due(room: Room) -> None:
    room.set(lit=True)
    script = go(room, place(room, "due"))
    opened = datetime.fromisoformat(room.entries[0].at)
    assert [question.title for question in script.asked] == ["Draw the curtains", "Lay matches ready"]
    assert {question.expires_at for question in script.asked} == {opened + timedelta(hours=12)}
    assert room.entry("step/draw-the-curtains/closed")["says"] == "Done by hand, says ana. Done."


def test_what_nobody_signed_is_shown_the_next_time(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    where = place(room, "weekend")
    room.set(lit=True)
    with monkeypatch.context() as later:

        def over(question: Question) -> Answer | None:
            later.setattr("flows.gate.settle.now", lambda: now() + timedelta(hours=13))
            return None

        # The second is asked when it is due already: nobody can have answered it.
        go(room, where, over, silent)
    assert room.verdict == "unsigned"
    assert "Nobody signed off: Draw the curtains, Lay matches ready." in room.entry("closed")["says"]
    go(room, where)
    assert item(room, "unsigned Draw the curtains")["verdict"] == "WARN"
    assert item(room, "unsigned Lay matches ready")["says"] == "Nobody signed off “Lay matches ready” the last time."
    assert room.verdict == "healthy"
    go(room, where)
    assert "unsigned Draw the curtains" not in [one["key"] for one in room.entry("checked")["items"]]


@pytest.mark.parametrize(
    ("lit", "verdict", "first"),
    [
        (True, "WARN", "Nobody has to act now"),
        (None, "UNKNOWN", "Somebody has to look"),
        (False, "BAD", "Somebody has"),
    ],
)
def test_people_hear_the_verdict_and_not_twice(room: Room, lit: bool | None, verdict: str, first: str) -> None:
    where = place(room, f"heard-{verdict.lower()}", 'routes = { on-call = ["json://127.0.0.1:9/"] }')
    room.set(lit=lit)
    go(room, where)
    from flows.run import settings

    config = settings.config()
    (summary,) = room.journal.incidents(environment=where, runbook=CHECKLIST)
    messages = list(due(summary, room.entries, settings.environment(config, settings.catalog(config), where)))
    assert [message.key for message in messages] == ["checked"]
    (message,) = messages
    assert message.title == f"{verdict} {where}: house/lamp-rounds"
    assert message.text.splitlines()[0].startswith(first)
    assert "WARN: house/lamp-care has never run here." in message.text


def test_it_leaves_a_table_worst_first(room: Room, client: SyncPrefectClient) -> None:
    go(room, place(room, "table"))
    from prefect.artifacts import Artifact

    table: Any = Artifact.get(f"checklist-{room.incident[:8]}")
    assert table.description is not None
    assert table.description.splitlines()[2].startswith("**Somebody has to act.")
    assert str(table.data).index("BAD") < str(table.data).index("WARN") < str(table.data).index('"OK"')
    assert f"`incident report {room.incident[:8]} --html report.html`" in table.description
    # What is not well was never a number.
    assert Artifact.get(f"charts-{room.incident[:8]}") is None


def test_it_draws_what_is_not_well(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.artifacts import Artifact

    room.set(lit=True, heat=95)
    where = place(room, "drawn")
    go(room, where)
    drawn: Any = Artifact.get(f"charts-{room.incident[:8]}")
    assert str(drawn.data).count("![Is the lamp cool enough to touch?](data:image/svg+xml;base64,") == 1
    picture = base64.b64decode(str(drawn.data).partition("base64,")[2].rstrip(")")).decode()
    assert f"check_lamp_heat in {where}" in picture
    assert "bad 90 °C" in picture

    def gone(*_args: object) -> dict[str, str]:
        raise JournalUnavailable("The journal does not answer.")

    monkeypatch.setattr("flows.health.pictures", gone)
    go(room, where)
    assert (room.verdict, Artifact.get(f"charts-{room.incident[:8]}")) == ("unhealthy", None)


def test_its_report_tells_the_whole(room: Room) -> None:
    room.set(lit=True)
    go(room, place(room, "reported"))
    told = report(room.entries)
    assert "checked: Nobody has to act now" in told
    assert "| Draw the curtains | approve | ana |" in told


@pytest.mark.parametrize("late", [timedelta(minutes=1), timedelta(hours=3)])
def test_it_is_made_up_while_it_is_due(room: Room, monkeypatch: pytest.MonkeyPatch, late: timedelta) -> None:
    monkeypatch.setattr("flows.health.lateness", lambda: late)
    monkeypatch.setattr("flows.health.overtaken", lambda: None)
    room.set(lit=True)
    go(room, place(room, f"late{late.seconds}"))
    assert room.verdict == "healthy"


def test_what_waits_for_a_signature_is_never_too_late(
    room: Room, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its schedule was days ago when somebody signs; the run began in time."""
    from prefect.flow_engine import run_flow

    flow = client.create_flow_from_name("health")
    where = place(room, "signed-late")
    name = f"house.lamp-rounds.{where}"
    client.create_deployment(flow_id=flow, name=name, parameters={"runbook": CHECKLIST, "environment": where})
    room.set(lit=True)
    room.incident = str(trigger(CHECKLIST, {"environment": where}, kind=Health))
    for asked in range(2):
        run = client.read_flow_run(UUID(room.incident))
        with contextlib.suppress(Pause):
            run_flow(health, flow_run=run, parameters=run.parameters, return_type="state")
        assert room.kinds().count("asked") == asked + 1
        question = open_question(room.entries)
        assert question is not None
        reply(question, Decision.APPROVE, "ana", "Done.")
        monkeypatch.setattr("flows.health.lateness", lambda: timedelta(hours=9))


@pytest.mark.parametrize(
    ("late", "by_a_later_one"), [(timedelta(hours=5), None), (timedelta(hours=1), timedelta(hours=1))]
)
def test_it_is_skipped_when_it_is_due_no_more(
    room: Room, monkeypatch: pytest.MonkeyPatch, late: timedelta, by_a_later_one: timedelta | None
) -> None:
    monkeypatch.setattr("flows.health.lateness", lambda: late)
    monkeypatch.setattr("flows.health.overtaken", lambda: by_a_later_one)
    where = place(room, f"skipped{late.seconds}")
    state = health(CHECKLIST, where, return_state=True)
    assert (state.name, state.is_completed()) == ("Skipped", True)
    assert room.journal.incidents(environment=where) == []


def test_it_compares_what_is_not_well_with_what_is_usual_at_this_hour(room: Room, journal_url: str) -> None:
    where = place(room, "usual", 'paused_watches = ["house/hot-shade/check_lamp_heat"]')
    room.set(lit=True, heat=95)
    with psycopg.connect(journal_url) as session:
        session.execute(
            "INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts) "
            "SELECT %s, 'check_lamp_heat', now() - make_interval(weeks => week) + make_interval(secs => n), "
            "       29 + n %% 3, '°C', 'OK', '{}' FROM generate_series(1, 8) AS week, generate_series(1, 30) AS n",
            [where],
        )
    go(room, where)
    says = item(room, "check_lamp_heat")["says"]
    assert says.endswith("That is three times the usual 30 °C."), says


def test_it_says_where_each_objective_stands(room: Room, journal_url: str) -> None:
    promised = 'objectives = [{ name = "cool", check = "check_lamp_heat", good = "value < 60", target = 0.999 }]'
    where = place(room, "promised", promised)
    room.set(lit=True)
    with psycopg.connect(journal_url) as session:
        session.execute(
            "INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts) "
            "SELECT %s, 'check_lamp_heat', now() - make_interval(mins => n), 30 + 70 * (n < 60)::int, '°C', 'OK', '{}' "
            "FROM generate_series(1, 2880) AS n",
            [where],
        )
    go(room, where)
    (standing,) = [one for one in room.entry("checked")["items"] if one["key"] == "objective cool"]
    assert standing["verdict"] == "BAD"
    assert "burns " in standing["says"]
    assert room.verdict == "unhealthy"


def test_it_says_when_nobody_looked_because_the_clock_was_late(room: Room, client: SyncPrefectClient) -> None:
    where = place(room, "asleep")
    room.set(lit=True)
    go(room, where)
    assert item(room, "late")["verdict"] == "OK"
    for tags in ([where], [where], ["elsewhere"]):
        run = client.create_flow_run(health, parameters={}, tags=tags)
        client.set_flow_run_state(run.id, Completed(name="Skipped"), force=True)
    go(room, where)
    assert item(room, "late")["verdict"] == "WARN"
    assert item(room, "late")["says"].startswith("2 runs were skipped since ")
    go(room, where)
    assert item(room, "late")["verdict"] == "OK"
