"""What a restored database would send once more: the queue in it is as it was at the backup's moment."""

from __future__ import annotations

from datetime import datetime

from tasks.action import Action
from tasks.application.control.queries import QUEUED_BEFORE
from tasks.application.exact import MOST_ROWS, Change, applied, apply, planned, undone
from tasks.application.system import ApplicationDatabase
from tasks.backup.queries import LIVE
from tasks.backup.recovery.places import read_remark
from tasks.backup.system import Backups
from tasks.check import check
from tasks.model import Finding, Outcome, Plan, Refused, Row, Threshold, Verdict
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.values import number
from tasks.postgres.words import count

QUEUED_THEN = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: the team on call. Each mail that was queued at the backup's moment may have gone out since: where "
    "it was tried, 200 of 200 were queued again and went out twice.",
)
SHOWN = 20


@check
def check_restored_queue(backup: Backups, application: ApplicationDatabase, again: Threshold = QUEUED_THEN) -> Finding:
    """Does a restored database hold mails that may have gone out since its backup?

    Those that were queued, or taken by a sender, at the backup's moment: whether they went out, only the provider's log
    knows. A database that was never restored has none; one that is gone has them once it is back.
    """
    try:
        moment = restored_to(backup)
    except NotConnected as error:
        if error.reason is not Reason.DATABASE_MISSING:
            raise
        return Finding(
            verdict=Verdict.BAD,
            says=f"{backup.address} is gone: whatever waits in its backup's queue may have gone out since.",
            unit="mails",
        )
    if moment is None:
        return Finding(verdict=Verdict.OK, says=f"{backup.address} was not restored.", value=0.0, unit="mails")
    rows = application.rows(QUEUED_BEFORE, before=moment.isoformat(), most=SHOWN)
    total = int(number(rows[0]["total"])) if rows else 0
    return Finding(
        verdict=again.judge(total),
        says=f"{count(total, 'mail')} from before {moment:%Y-%m-%d %H:%M:%S} UTC, the moment of the backup that was "
        f"restored, {'waits' if total == 1 else 'wait'} in the queue and may have gone out since.",
        value=float(total),
        unit="mails",
        rows=[_shown(row) for row in rows],
    )


class HoldQueued(Action):
    """Hold back what was queued at the moment of the restored backup.

    Each such mail is set to withdrawn, so that nothing goes out twice when senders begin again; the rows stay. Hold
    them against the provider's log of what it took since, and put back those that it never got.
    """

    narrows = True

    def plan(self, backup: Backups, application: ApplicationDatabase) -> Plan:
        moment = restored_to(backup)
        rows = application.rows(QUEUED_BEFORE, before=moment.isoformat(), most=MOST_ROWS + 1) if moment else []
        withdrawn = application.values("sends.statuses.withdrawn")[0]
        changes = [
            Change(part="sends", key=str(row["id"]), was={"status": str(row["status"])}, to={"status": withdrawn})
            for row in rows
        ]
        does = (
            f"Set {count(len(changes), 'mail').lower()} to {withdrawn!r}: queued before {moment:%Y-%m-%d %H:%M:%S} "
            "UTC, and perhaps sent since."
            if changes
            else "Nothing to do: no mail waits from before the backup's moment."
        )
        return planned(application, does, changes, noun="mails", evidence=[_shown(row) for row in rows[:SHOWN]])

    def apply(self, backup: Backups, application: ApplicationDatabase, plan: Plan) -> Outcome:  # noqa: ARG002
        return apply(application, plan)

    def applied(self, backup: Backups, application: ApplicationDatabase, plan: Plan) -> bool | None:  # noqa: ARG002
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Exactly those rows can be put back as they were, unless somebody has changed them since."""
        return undone(plan)


def restored_to(backup: Backups) -> datetime | None:
    """The moment of which the database's rows are, where it was restored by us; None where it was not.

    Raises:
        Refused: it was, and the backup is on no shelf any more; NotConnected: there is no such database.
    """
    ours = read_remark(backup.source.rows(LIVE)[0])
    if ours is None:
        return None
    one = next((one for one in backup.kept() if one.sha256 == ours.manifest), None)
    if one is None:
        raise Refused(f"{ours.backup}, from which {backup.address} was restored, is not in {backup.folder} any more.")
    return one.at


def _shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "total"}
