"""Leads that must get no more mail: mark their addresses, end exactly their enrolments, withdraw what waits for them.

Seed S3's statement for this ends 59,896 of 59,896 enrolments for one such lead, because a column of its subquery is
taken from outside of it. Here the leads are known first; what is theirs is found by their keys, shown row by row, and
only those rows are written.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from tasks.action import Action
from tasks.application.exact import MOST_ROWS, Change, applied, apply, planned, undone
from tasks.application.queries import BOUNCED_LEADS, ENROLMENTS_OF, MAILED_INVALID, QUEUED_OF, REFUSED_LEADS
from tasks.application.system import ApplicationDatabase
from tasks.model import Outcome, Plan, Row
from tasks.postgres.values import number
from tasks.postgres.words import count

# How far back bounces count: so long a mailbox may stay full, and whatever bounced before was seen by an earlier look.
BOUNCED_WITHIN = timedelta(days=14)
# So often within that time a soft bounce is as good as a hard one.
SOFT_TIMES = 3
WITHDRAWN = "{sends.statuses.withdrawn}"
# One plan is read by a person: the rest is for the next one.
MOST_LEADS = 500


class EndEnrolments(Action):
    """End enrolments of leads."""

    narrows = True
    # More than a tenth of all the rows of those tables is no clean-up of addresses any more.
    two_people_above: ClassVar[float | None] = 0.1

    @abstractmethod
    def plan(self, *args: Any, **systems: Any) -> Plan:
        """Whose, and why."""

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Put back exactly the rows that were changed, unless somebody has changed them since."""
        return undone(plan)


class MarkAddressesInvalid(EndEnrolments):
    """Mark the addresses invalid whose mail came back for good.

    By one hard bounce within fourteen days: a blocked one says nothing about the address, a soft one passes. In the
    same transaction their enrolments end and their queued mails are withdrawn, so that nobody is marked and mailed. No
    row is deleted: the next import would bring the address back, and nobody would know.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        invalid = application.values("leads.statuses.invalid")[0]
        found = bounced(application, MOST_LEADS)
        marks = [
            Change(
                part="leads",
                key=str(row["lead"]),
                was={"status": None if row["status"] is None else str(row["status"])},
                to={"status": invalid},
            )
            for row in found
        ]
        return ending(application, "Mark {leads} invalid", found, "invalid_email", marks)


class EndEnrolmentsOfInvalid(EndEnrolments):
    """End the enrolments of leads whose address is invalid.

    Of exactly those leads, and only what is active: what was finished stays finished. Queued mails to them are
    withdrawn in the same transaction.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        found = mailed_invalid(application, MOST_LEADS)
        return ending(application, "End the enrolments of {leads} with an invalid address", found, "invalid_email")


class EndEnrolmentsOfRefused(EndEnrolments):
    """End the enrolments of leads whose mail is refused again and again.

    Three soft bounces within fourteen days, by which a mailbox is given up. The address is not marked: it may be good
    again some day.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        found = refused(application, MOST_LEADS)
        return ending(application, "End the enrolments of {leads} that refused mail", found, "mailbox_refuses")


def bounced(application: ApplicationDatabase, most: int) -> list[Row]:
    """Leads with a hard bounce that are not marked: lead, domain, status, bounces, last; each with the `total`.

    Raises:
        CannotLook, Refused: no answer, or a name is not mapped.
    """
    return application.rows(BOUNCED_LEADS, since=application.now() - BOUNCED_WITHIN, most=most)


def refused(application: ApplicationDatabase, most: int) -> list[Row]:
    """Leads with SOFT_TIMES soft bounces that still get mail, likewise."""
    since = application.now() - BOUNCED_WITHIN
    return application.rows(REFUSED_LEADS, since=since, times=SOFT_TIMES, most=most)


def mailed_invalid(application: ApplicationDatabase, most: int) -> list[Row]:
    """Leads that are marked and have enrolments which go on, likewise."""
    return application.rows(MAILED_INVALID, most=most)


def ended(application: ApplicationDatabase, leads: Sequence[str], reason: str) -> list[Change]:
    """What ends the active enrolments of exactly these leads, and withdraws their queued mails.

    Raises:
        CannotLook, Refused: no answer, or a name is not mapped.
    """
    to = application.values("enrolments.statuses.ended")[0]
    column = application.column("leads.id")[2]
    keys = json.dumps([{column: lead} for lead in leads])
    changes = []
    for row in application.rows(ENROLMENTS_OF, leads=keys, most=MOST_ROWS + 1):
        was = {name: None if row[name] is None else str(row[name]) for name in ("status", "reason") if name in row}
        changes.append(
            Change(
                part="enrolments",
                key=str(row["key"]),
                was=was,
                to={name: to if name == "status" else reason for name in was},
            )
        )
    if not application.knows(QUEUED_OF) or not application.knows(WITHDRAWN):
        return changes
    withdrawn = application.values("sends.statuses.withdrawn")[0]
    return changes + [
        Change(part="sends", key=str(row["key"]), was={"status": str(row["status"])}, to={"status": withdrawn})
        for row in application.rows(QUEUED_OF, leads=keys, most=MOST_ROWS + 1)
    ]


def ending(
    application: ApplicationDatabase, does: str, found: Sequence[Row], reason: str, marks: Sequence[Change] = ()
) -> Plan:
    """End the enrolments of the leads in `found`, and make these `marks`, in one transaction.

    `does` says it, with `{leads}` for their number; `found` has their `lead`, and all there are as `total`.

    Raises:
        Refused: a name is not mapped, or the role that acts may not write it. CannotLook: no answer.
    """
    ends = ended(application, [str(row["lead"]) for row in found], reason)
    if not found:
        return planned(application, "Nothing to do: no such lead is left.", [], noun="rows")
    enrolments, mails = (sum(one.part == part for one in ends) for part in ("enrolments", "sends"))
    told = f"{count(enrolments, 'enrolment', 'end')}, {count(mails, 'queued mail')} {'are' if mails > 1 else 'is'} "
    told += "withdrawn" if application.knows(WITHDRAWN) else "withdrawn (sends.statuses.withdrawn is not mapped)"
    rest = int(number(found[0]["total"])) - len(found)
    more = f" {count(rest, 'more lead', 'wait')} for the next time." if rest > 0 else ""
    what = does.replace("{leads}", count(len(found), "lead"))
    evidence = [{name: row[name] for name in row if name != "total"} for row in found]
    return planned(
        application,
        f"{what}: {told}.{more}",
        [*marks, *ends],
        noun="rows of leads, enrolments and mails",
        evidence=evidence,
    )
