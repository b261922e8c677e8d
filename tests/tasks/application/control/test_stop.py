"""The emergency stop: does it set exactly the switch, is it seen to hold, and does mail begin again with one a run?"""

from __future__ import annotations

import pytest

from tasks.action import Action
from tasks.application.control.actions import PutSettingsBack, ResumeSending, SettingChange, StopSending
from tasks.application.control.checks import check_emergency_stop, check_sending_stopped, check_wrong_recipients
from tasks.application.control.faults import SendToWrongList
from tasks.application.system import ApplicationDatabase
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Outcome, Plan, Refused, Risk, Verdict
from tests.tasks.application.conftest import Shop


def stop(shop: Shop, ago: str = "5 minutes") -> None:
    shop.run(
        f"UPDATE settings SET value = 'true', changed_at = now() - interval '{ago}', changed_by = 'zoe', "  # noqa: S608
        "reason = 'Wrong list' WHERE setting = 'emergency_stop'"
    )


def do(action: Action, door: ApplicationDatabase, plan: Plan) -> Outcome:
    assert action.applied(door, plan=plan) is False
    outcome: Outcome = action.apply(door, plan=plan)
    assert outcome.complete
    assert action.applied(door, plan=plan) is True
    return outcome


def test_it_turns_on_the_switch_and_nothing_else(shop: Shop) -> None:
    shop.mails(20, status="queued")
    before = shop.run("SELECT * FROM email_sends ORDER BY id")
    door, action = shop.door(), StopSending()
    plan = action.plan(door)
    assert [command.target for command in plan.commands] == [
        {"setting": "emergency_stop", "was": "false", "value": "true"}
    ]
    assert (plan.risk, action.people(plan), str(plan.blast_radius)) == (
        Risk.LOW,
        1,
        "1 of 1 settings that govern all mail",
    )
    StopSending.mandate.refuse_beyond(plan)
    assert shop.setting("emergency_stop") == (False, "ana")
    do(action, door, plan)
    assert shop.setting("emergency_stop") == (True, "incident-pipelines")
    assert shop.setting("max_emails_per_run") == (50, "ana")
    assert shop.run("SELECT * FROM email_sends ORDER BY id") == before
    assert action.plan(door).commands == ()


def test_its_line_is_what_an_operator_could_type(shop: Shop) -> None:
    [command] = StopSending().plan(shop.door()).commands
    shop.run(command.line)
    assert shop.setting("emergency_stop")[0] is True


def test_it_plans_without_any_other_table(shop: Shop) -> None:
    everything = ("sends", "events", "enrolments", "campaigns", "leads", "executions", "analytics")
    assert len(StopSending().plan(shop.door(*everything)).commands) == 1


def test_it_does_nothing_where_it_is_on_and_tells_who_set_it(shop: Shop) -> None:
    stop(shop)
    plan = StopSending().plan(shop.door())
    assert (plan.commands, plan.does) == (
        (),
        "Nothing to do: the emergency stop is on, set 5 min ago by zoe: “Wrong list”.",
    )


def test_it_changes_nothing_that_somebody_else_changed_meanwhile(shop: Shop) -> None:
    door = shop.door()
    plan = StopSending().plan(door)
    shop.run("UPDATE settings SET value = '\"maintenance\"' WHERE setting = 'emergency_stop'")
    with pytest.raises(CannotLook, match="was changed by somebody else; nothing was done"):
        StopSending().apply(door, plan=plan)
    assert shop.setting("emergency_stop") == ("maintenance", "ana")


@pytest.mark.parametrize(
    "body",
    [
        "BEFORE UPDATE|NEW.value := OLD.value; RETURN NEW;",
        "AFTER UPDATE|IF pg_trigger_depth() = 1 THEN UPDATE public.settings SET value = OLD.value "
        "WHERE setting = OLD.setting; END IF; RETURN NULL;",
    ],
)
@pytest.mark.parametrize(("action", "stopped"), [(StopSending(), False), (ResumeSending(), True)], ids=["stop", "go"])
def test_a_switch_that_takes_nothing_is_not_called_set(
    own_shop: Shop, action: Action, stopped: bool, body: str
) -> None:
    """1-1: the endpoint answered 200 {"ok":true} and had set nothing. Ours is read back before it counts."""
    if stopped:
        stop(own_shop)
    when, _, does = body.partition("|")
    own_shop.run(
        f"CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN {does} END$$;"
        f"CREATE TRIGGER keep {when} ON settings FOR EACH ROW EXECUTE FUNCTION keep()"
    )
    before = own_shop.run("SELECT * FROM settings ORDER BY 1")
    door = own_shop.door()
    plan = action.plan(door)
    with pytest.raises(Refused, match=r"was written as '.+' and reads '.+'; nothing was done") as told:
        action.apply(door, plan=plan)
    assert "stop what sends it" in told.value.remedy
    assert action.applied(door, plan=plan) is False
    assert own_shop.run("SELECT * FROM settings ORDER BY 1") == before


@pytest.mark.parametrize(
    ("column", "off", "on"), [("boolean", "false", "true"), ("text", "'no'", "yes"), ("integer", "0", "1")]
)
def test_it_sets_a_switch_of_any_type(own_shop: Shop, column: str, off: str, on: str) -> None:
    own_shop.run(
        f"CREATE TABLE flags (name text, value {column});"  # noqa: S608
        f"INSERT INTO flags VALUES ('halt', {off});"
        "GRANT SELECT, UPDATE ON flags TO actor; GRANT SELECT ON flags TO reader"
    )
    meanings = {"on": [on], "off": [off.strip("'")]}
    flags = {"table": "flags", "key": "name", "stops": meanings, "stop": "halt"}
    door = own_shop.door("settings.changed_at", "settings.changed_by", "settings.reason", settings=flags)
    do(StopSending(), door, StopSending().plan(door))
    assert StopSending().plan(door).commands == ()
    assert own_shop.run("SELECT value::text FROM flags") == [(on,)]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("DELETE FROM settings WHERE setting = 'emergency_stop'", "no row for the setting 'emergency_stop'"),
        (
            "ALTER TABLE settings DROP CONSTRAINT settings_pkey; INSERT INTO settings SELECT * FROM settings",
            "several rows",
        ),
    ],
)
def test_it_refuses_a_switch_that_is_not_one_row(own_shop: Shop, rows: str, says: str) -> None:
    own_shop.run(rows)
    with pytest.raises(Refused, match=says) as told:
        StopSending().plan(own_shop.door())
    assert "have the application write it once" in told.value.remedy


def test_it_asks_nobody_for_what_its_role_may_not_do(shop: Shop) -> None:
    """Not found out at the moment it is needed."""
    door = shop.door().model_copy(update={"action_url": shop.stage.url("reader")})
    with pytest.raises(Refused, match=r"reader may not write public\.settings") as told:
        StopSending().plan(door)
    assert told.value.remedy == "GRANT SELECT, UPDATE ON public.settings TO reader;"


@pytest.mark.parametrize(("action", "stopped"), [(StopSending(), False), (ResumeSending(), True)], ids=["stop", "go"])
def test_nobody_stops_or_resumes_without_a_login(shop: Shop, action: Action, stopped: bool) -> None:
    """1-5: whoever knew the address could resume sending. Ours goes in as a role of the database, or not at all."""
    if stopped:
        stop(shop)
    door, before = shop.door(), shop.run("SELECT * FROM settings ORDER BY 1")
    plan = action.plan(door)
    for url in (shop.stage.url("actor", "wrong"), shop.stage.url("nobody")):
        stranger = door.model_copy(update={"action_url": url})
        with pytest.raises(Refused):
            action.plan(stranger)
        with pytest.raises(Refused):
            action.apply(stranger, plan=plan)
    assert shop.run("SELECT * FROM settings ORDER BY 1") == before


def test_it_says_which_setting_to_name(shop: Shop) -> None:
    with pytest.raises(Refused) as told:
        StopSending().plan(shop.door("settings.stop"))
    assert told.value.remedy.endswith('stop = "emergency_stop"')


def test_it_is_stopped_when_nothing_goes_out_any_more(shop: Shop) -> None:
    """1-8: the flag alone proves the write, not that the running batch ended."""
    door = shop.door()
    shop.mails(7, ago="6 minutes")
    assert check_sending_stopped.fn(door).says == "Mail is not stopped: 7 mails went out in the last 60 min."
    assert check_sending_stopped.fn(door).verdict is Verdict.BAD
    stop(shop)
    shop.mails(2, ago="295 seconds")
    found = check_sending_stopped.fn(door)
    assert (found.verdict, found.value) == (Verdict.OK, 0)
    assert found.says.endswith("No mail went out since. 2 mails had been handed over by then.")
    shop.mails(1, ago="1 minute")
    found = check_sending_stopped.fn(door)
    assert (found.verdict, found.value) == (Verdict.BAD, 1)


def test_it_cannot_tell_where_the_moment_is_not_kept(shop: Shop) -> None:
    shop.run("UPDATE settings SET value = 'true', changed_at = NULL WHERE setting = 'emergency_stop'")
    assert check_sending_stopped.fn(shop.door()).verdict is Verdict.UNKNOWN


def test_it_tells_of_a_stop_who_set_it_and_why(shop: Shop) -> None:
    """1-4: the first remedy for "no mails" undid a deliberate stop without asking."""
    assert check_emergency_stop.fn(shop.door()).verdict is Verdict.OK
    stop(shop)
    found = check_emergency_stop.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says == "The emergency stop is on, set 5 min ago by zoe: “Wrong list”; no mail is sent."


def test_it_sees_mails_for_people_who_are_not_enrolled(shop: Shop) -> None:
    shop.enrol(100)
    shop.mails(100)
    door = shop.door()
    assert check_wrong_recipients.fn(door).verdict is Verdict.OK
    shop.mails(6, lead_id="n + 500")
    shop.mails(5, status="queued", lead_id="n + 600", campaign_id="2")
    # Not yet, not any more, not sent.
    shop.mails(50, ago="-3 hours", status="queued", lead_id="n + 500")
    shop.mails(50, ago="2 hours", lead_id="n + 500")
    shop.mails(50, status="failed", lead_id="n + 500")
    found = check_wrong_recipients.fn(door)
    assert (found.verdict, found.value, found.facts) == (Verdict.BAD, 11, {"sent": 6, "waiting": 5})
    assert [(row["campaign"], row["sent"], row["waiting"], row["leads"]) for row in found.rows] == [
        ("1", 6, 0, 6),
        ("2", 0, 5, 5),
    ]
    stop(shop, "30 seconds")
    found = check_wrong_recipients.fn(door)
    assert (found.verdict, found.value, found.facts) == (Verdict.OK, 0, {"sent": 6, "waiting": 5})
    shop.mails(12, ago="1 second", lead_id="n + 700")
    assert check_wrong_recipients.fn(door).value == 12


def test_it_resumes_with_one_a_run_and_both_or_neither(shop: Shop) -> None:
    stop(shop)
    door, action = shop.door(), ResumeSending()
    plan = action.plan(door)
    assert [command.target for command in plan.commands] == [
        {"setting": "max_emails_per_run", "was": "50", "value": "1"},
        {"setting": "emergency_stop", "was": "true", "value": "false"},
    ]
    assert "set 5 min ago by zoe: “Wrong list”" in plan.does
    assert (plan.risk, action.people(plan)) == (Risk.HIGH, 2)

    shop.run("UPDATE settings SET value = 'false' WHERE setting = 'emergency_stop'")
    with pytest.raises(CannotLook):
        action.apply(door, plan=plan)
    assert shop.setting("max_emails_per_run") == (50, "ana")

    stop(shop)
    outcome = do(action, door, plan)
    assert (shop.setting("emergency_stop")[0], shop.setting("max_emails_per_run")[0]) == (False, 1)
    undo = action.undoing(plan, outcome)
    assert undo is not None
    back = undo.plan(door)
    assert [command.target["setting"] for command in back.commands] == ["emergency_stop", "max_emails_per_run"]
    undo.apply(door, plan=back)
    assert (shop.setting("emergency_stop")[0], shop.setting("max_emails_per_run")[0]) == (True, 50)


def test_it_grows_tenfold_at_most_and_begins_with_one(shop: Shop) -> None:
    door, action = shop.door(), ResumeSending()
    stop(shop)
    with pytest.raises(Refused, match="mail begins again with 1 a run"):
        action.plan(door, per_run=10)
    do(action, door, action.plan(door))
    with pytest.raises(Refused, match="11 would be more than 10 times as much"):
        action.plan(door, per_run=11)
    do(action, door, action.plan(door, per_run=10))
    assert shop.setting("max_emails_per_run")[0] == 10
    assert action.plan(door, per_run=10).commands == ()
    assert action.plan(door, per_run=1).commands == ()


def test_it_does_not_resume_into_the_wrong_list(shop: Shop) -> None:
    stop(shop)
    shop.mails(3, status="queued", lead_id="n + 500")
    with pytest.raises(Refused, match="3 mails wait that would go to people who are not enrolled"):
        ResumeSending().plan(shop.door())


def test_it_does_not_resume_all_at_once(shop: Shop) -> None:
    stop(shop)
    with pytest.raises(Refused, match="could only be resumed all at once"):
        ResumeSending().plan(shop.door("settings.per_run"))
    shop.run("UPDATE settings SET value = '\"many\"' WHERE setting = 'max_emails_per_run'")
    with pytest.raises(Refused, match="no whole number"):
        ResumeSending().plan(shop.door())


def test_it_puts_back_only_what_is_still_as_it_was_set(shop: Shop) -> None:
    changes = [SettingChange(setting="max_emails_per_run", was="50", value="1")]
    plan = PutSettingsBack(changes).plan(shop.door())
    assert (plan.commands, plan.does) == ((), "Nothing to put back. 1 changed by somebody else since, and left so.")


def test_a_stop_that_was_a_mistake_is_lifted_gradually(shop: Shop) -> None:
    door, action = shop.door(), StopSending()
    plan = action.plan(door)
    undo = action.undoing(plan, do(action, door, plan))
    assert isinstance(undo, ResumeSending)


def test_the_drill_is_noticed_stopped_and_put_back(shop: Shop) -> None:
    shop.enrol(300)
    shop.mails(200, lead_id="n", ago="3 days")
    there = Environment(name="here", kind=Kind.LAB, systems={"application": shop.door()})
    tables = ("SELECT * FROM email_sends ORDER BY id", "SELECT * FROM settings ORDER BY setting")
    before = [shop.run(table) for table in tables]
    with SendToWrongList(mails=40).during(there):
        assert check_wrong_recipients.ask(there).facts == {"sent": 0, "waiting": 40}
        do(StopSending(), shop.door(), StopSending().plan(shop.door()))
        assert check_wrong_recipients.ask(there).verdict is Verdict.OK
        assert check_sending_stopped.ask(there).verdict is Verdict.OK
    assert [shop.run(table) for table in tables] == before
