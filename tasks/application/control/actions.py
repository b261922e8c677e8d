"""Ways to stop all mail of an application, and to let it go out again, a little at first."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.action import Action
from tasks.application.control.checks import LATELY
from tasks.application.control.queries import SET_SETTING, SETTING, WRONG_RECIPIENTS
from tasks.application.control.settings import Setting, emergency_stop, run_limit
from tasks.application.queries import WRITABLE
from tasks.application.system import ApplicationDatabase
from tasks.mandate import Mandate
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.refusals import quoted
from tasks.postgres.session import APPLICATION
from tasks.postgres.values import number

# Of a run after a stop, and by how much more at a time: ten mails wrongly sent are seen before a hundred are.
FIRST_PER_RUN = 1
GROWTH = 10
STOPS_ALL = "No mail goes out until it is lifted: those that are due wait, and none is lost."
GRADUALLY = f"Mail goes out again: {FIRST_PER_RUN} a run at first. What goes out cannot be called back."


@dataclass(frozen=True, kw_only=True)
class SettingChange:
    """A setting, from one value to another; nothing where somebody else has changed it meanwhile."""

    setting: str
    was: str
    value: str

    @property
    def row(self) -> Row:
        return dataclasses.asdict(self)


class StopSending(Action):
    """Stop all sending.

    Turns the application's emergency stop on, and changes nothing else: mails that are due wait. Neither the mail
    provider nor any question has to answer for it. Senders read the switch before each run; what one has handed over by
    then still arrives.
    """

    mandate = Mandate(may="Turn the application's emergency stop on, and change nothing else.")

    def plan(self, application: ApplicationDatabase) -> Plan:
        stop = emergency_stop(application)
        if stop.stops:
            return plan_of(application, (), f"Nothing to do: the emergency stop is on, {stop.said(application.now())}.")
        on = application.values("settings.stops.on")[0]
        change = SettingChange(setting=stop.key, was=stop.value, value=on)
        return plan_of(application, (change,), "Turn the emergency stop on: no mail is sent from then on.", STOPS_ALL)

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return set_as_planned(application, plan, "Emergency stop.")

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return is_set(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """The stop can be lifted, one mail a run at first."""
        return ResumeSending()


class ResumeSending(Action):
    """Let mail go out again, one a run at first.

    Where the emergency stop is on: limits a run to one mail and lifts the stop, both or neither. Where it is off:
    raises the limit to what was asked for, ten times as much at most. Refused while mails wait that would go to people
    who are not enrolled in their campaign.
    """

    def plan(self, application: ApplicationDatabase, per_run: int = FIRST_PER_RUN) -> Plan:
        stop, most = emergency_stop(application), run_limit(application)
        _refuse_wrong_recipients(application)
        if not stop.stops:
            return _raised(application, most, per_run)
        if per_run != FIRST_PER_RUN:
            raise Refused(
                f"The emergency stop is on: mail begins again with {FIRST_PER_RUN} a run.",
                remedy=f"Resume with per_run={FIRST_PER_RUN} and look at what goes out; then {FIRST_PER_RUN * GROWTH}.",
            )
        off = application.values("settings.stops.off")[0]
        lifted = SettingChange(setting=stop.key, was=stop.value, value=off)
        one = SettingChange(setting=most.key, was=most.value, value=str(FIRST_PER_RUN))
        said = stop.said(application.now())
        return plan_of(
            application,
            # The limit first: nothing may go out at the old pace in between.
            (one, lifted) if most.value != one.value else (lifted,),
            f"Lift the emergency stop that was {said}, with {FIRST_PER_RUN} mail a run instead of {most.value}. Ask "
            f"whoever set it whether its cause is gone.",
            GRADUALLY,
            Risk.HIGH,
        )

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return set_as_planned(application, plan, "Mail goes out again.")

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return is_set(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """The stop and the limit can be put back as they were."""
        return PutSettingsBack(changes_of(plan))


class LowerSendRate(Action):
    """Let a run send half as many mails.

    For as long as the provider answers that too much comes at once. Its headers say how much it takes; set the limit to
    that when it is known.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        most = run_limit(application)
        half = int(most.value) // 2
        if half < FIRST_PER_RUN:
            return plan_of(application, (), f"Nothing to do: a run sends {most.value} mails, and fewer is none.")
        change = SettingChange(setting=most.key, was=most.value, value=str(half))
        does = f"Let a run send {half:,} mails instead of {int(most.value):,}."
        return plan_of(application, (change,), does, "Mails wait longer in the queue.")

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return set_as_planned(application, plan, "The provider held mail back.")

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return is_set(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """The limit can be put back as it was."""
        return PutSettingsBack(changes_of(plan))


class PutSettingsBack(Action):
    """Put the settings back.

    Each that still has the value it was given; what somebody else has changed since is left as it is.
    """

    undo = NoWayBack(loses="Nothing: the settings have the values they had before.")

    def __init__(self, changes: Sequence[SettingChange]) -> None:
        self.changes = tuple(changes)

    def plan(self, application: ApplicationDatabase) -> Plan:
        # Backwards: the switch before the limit that was set for it.
        back = [SettingChange(setting=c.setting, was=c.value, value=c.was) for c in reversed(self.changes)]
        still = tuple(change for change in back if _value(application, change.setting) == change.was)
        left = len(back) - len(still)
        told = f" {left} changed by somebody else since, and left so." if left else ""
        values = ", ".join(f"{change.setting} = {change.value}" for change in still)
        does = f"Put back {values}.{told}" if still else f"Nothing to put back.{told}"
        return plan_of(application, still, does, self.undo.loses, Risk.MODERATE)

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return set_as_planned(application, plan, "Taken back.")

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return is_set(application, plan)


def _raised(application: ApplicationDatabase, most: Setting, wanted: int) -> Plan:
    now = int(most.value)
    if wanted <= now:
        return plan_of(application, (), f"Nothing to do: a run may send {now:,} mails, and the emergency stop is off.")
    if wanted > max(now, FIRST_PER_RUN) * GROWTH:
        raise Refused(
            f"A run may send {now:,} mails: {wanted:,} would be more than {GROWTH} times as much.",
            remedy=f"Go on with per_run={max(now, FIRST_PER_RUN) * GROWTH}, look at what goes out, then more.",
        )
    change = SettingChange(setting=most.key, was=most.value, value=str(wanted))
    does = f"Let a run send {wanted:,} mails instead of {now:,}."
    return plan_of(application, (change,), does, "What goes out cannot be called back.", Risk.MODERATE)


def _refuse_wrong_recipients(application: ApplicationDatabase) -> None:
    if not application.knows(WRONG_RECIPIENTS):
        return
    rows = application.rows(WRONG_RECIPIENTS, since=application.now() - LATELY)
    if rows and (waiting := int(number(rows[0]["all_waiting"]))):
        raise Refused(
            f"{waiting:,} mails wait that would go to people who are not enrolled in their campaign, most in campaign "
            f"{rows[0]['campaign']}.",
            remedy="Take them out of the queue first: set them to a status that is not sent, and keep the rows.",
        )


def plan_of(
    application: ApplicationDatabase,
    changes: Sequence[SettingChange],
    does: str,
    loses: str = "",
    risk: Risk = Risk.LOW,
    noun: str = "settings that govern all mail",
) -> Plan:
    """A command for each setting that changes.

    Raises:
        Refused: settings are not mapped, or the role that acts may not write them.
    """
    schema, name, column = application.column("settings.value")
    table, key, value = (
        f"{quoted(schema)}.{quoted(name)}",
        quoted(application.column("settings.key")[2]),
        quoted(column),
    )
    if changes:
        _refuse_no_right(application, schema, name, column)
    commands = tuple(
        Command(
            line=f"UPDATE {table} SET {value} = {_text(c.value)} WHERE {key} = {_text(c.setting)} "  # noqa: S608
            f"AND {value}::text = {_text(c.was)};",
            target=c.row,
        )
        for c in changes
    )
    radius = BlastRadius(touched=len(commands), total=len(commands), noun=noun)
    return Plan(does=does, commands=commands, blast_radius=radius, risk=risk, loses=loses)


def _refuse_no_right(application: ApplicationDatabase, schema: str, table: str, column: str) -> None:
    found = application.server.rows_as_actor(WRITABLE, schema=schema, table=table, columns=[column])
    if found and found[0]["barred"]:
        raise Refused(f"{found[0]['user']} may not write {schema}.{table}.", remedy=str(found[0]["grant_write"]))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def changes_of(plan: Plan) -> tuple[SettingChange, ...]:
    """The changes that a plan's commands stand for."""
    return tuple(
        SettingChange(**{name: str(command.target[name]) for name in ("setting", "was", "value")})
        for command in plan.commands
    )


def set_as_planned(application: ApplicationDatabase, plan: Plan, why: str) -> Outcome:
    """All of them or none: a limit without its switch is no half of anything."""
    changes = changes_of(plan)
    with application.server.transaction() as session:
        for change in changes:
            given = {"setting": change.setting, "was": change.was, "value": change.value}
            if not session.run(application.filled(SET_SETTING), **given, by=APPLICATION, reason=why):
                raise CannotLook(f"The setting {change.setting!r} was changed by somebody else; nothing was done.")
        for change in changes:
            # Read back before it counts: a trigger or a view may make nothing of it, and say nothing.
            there = [row["value"] for row in session.run(application.filled(SETTING), setting=change.setting)]
            if there != [change.value]:
                raise Refused(
                    f"The setting {change.setting!r} was written as {change.value!r} and reads "
                    f"{', '.join(map(str, there))!r}; nothing was done.",
                    remedy="A trigger or a rule of the application's database keeps it as it is: change it where the "
                    "application itself does. To stop mail at once, stop what sends it.",
                )
    told = ", ".join(f"{change.setting} is {change.value} (was {change.was})" for change in changes)
    return Outcome(says=f"{told}.", complete=True, rows=[change.row for change in changes])


def is_set(application: ApplicationDatabase, plan: Plan) -> bool:
    """Has every setting the planned value?"""
    return all(_value(application, change.setting) == change.value for change in changes_of(plan))


def _value(application: ApplicationDatabase, setting: str) -> str:
    return str(next((row["value"] for row in application.rows(SETTING, setting=setting)), ""))
