"""What waits in the queue and must not go out, or waits for nobody: seen, taken out, put back into it."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.action import Action
from tasks.application.control.queries import HELD_TOO_LONG, WAITING_WRONGLY, WENT_OUT
from tasks.application.exact import MOST_ROWS, Change, applied, apply, planned, undone
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count

WENT_OUT_LIMIT = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: the team on call. One mail in the queue that went out already goes out twice at the sender's next "
    "run; after a restore it is all of them (200 of 200 where it was tried).",
)
# A sender that has said nothing of a mail for so long is gone: seed S3 looks at what is queued for more than an hour.
HELD_S = 3600.0
SHOWN = 20
_TRACES = ("sends.message_id", "events.send")


@check
def check_queue_went_out(application: ApplicationDatabase, again: Threshold = WENT_OUT_LIMIT) -> Finding:
    """Does a mail wait that went out already?

    What waits, or is taken by a sender, although its row has a moment of sending, a provider's id, or events that only
    a mail has that went out: as after a restore, which brings the queue back as it was.
    """
    rows = application.rows(WENT_OUT, most=SHOWN)
    total = int(number(rows[0]["total"])) if rows else 0
    told = "went out already, and would go out twice" if total else "in the queue went out already, as far as rows tell"
    return Finding(
        verdict=again.judge(total),
        says=f"{count(total, 'mail')}{' in the queue' if total else ''} {told}.",
        value=float(total),
        unit="mails",
        rows=[_shown(row) for row in rows],
    )


class _Queue(Action):
    """Change rows of the queue."""

    narrows = True

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Exactly those rows can be put back as they were, unless somebody has changed them since."""
        return undone(plan)


class TakeOutSent(_Queue):
    """Take the mails out of the queue that went out already.

    Each is set to sent; nothing is deleted, and nothing is sent.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        sent = application.values("sends.statuses.sent")[0]
        rows = application.rows(WENT_OUT, most=MOST_ROWS + 1)
        changes = _status(rows, sent)
        does = f"Set {count(len(changes), 'mail').lower()} that went out already to {sent!r}." if changes else NOTHING
        return planned(application, does, changes, noun="mails", evidence=[_shown(row) for row in rows[:SHOWN]])


class WithdrawWrong(_Queue):
    """Take the mails out of the queue whose people are not enrolled in the campaign.

    Each is set to withdrawn and kept: the rows are the record of what would have gone out.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        withdrawn = application.values("sends.statuses.withdrawn")[0]
        rows = application.rows(WAITING_WRONGLY, most=MOST_ROWS + 1)
        changes = _status(rows, withdrawn)
        does = (
            f"Set {count(len(changes), 'mail').lower()} to {withdrawn!r}: none of them is sent." if changes else NOTHING
        )
        return planned(application, does, changes, noun="mails", evidence=[_shown(row) for row in rows[:SHOWN]])


class RequeueHeld(_Queue):
    """Put mails back into the queue that a sender took and forgot.

    Those that a sender has held for more than an hour, with no trace of having gone out: no moment of sending, no
    provider's id, no event. Those with one are left out, and shown. Refused where no such trace is mapped.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        if not any(application.knows(f"{{{trace}}}") for trace in _TRACES):
            raise Refused(
                "Whether a mail went out can only be told by its provider's id or its events, and neither is mapped.",
                remedy='Write in environments.toml, under sends: message_id = "…"  # what the provider calls it',
            )
        queued = application.values("sends.statuses.queued")[0]
        rows = application.rows(HELD_TOO_LONG, longer_s=HELD_S, most=MOST_ROWS + 1)
        left = [row for row in rows if row["went_out"]]
        changes = [
            Change(
                part="sends",
                key=str(row["id"]),
                was={"status": str(row["status"]), "claimed_at": str(row["claimed_at"])},
                to={"status": queued, "claimed_at": None},
            )
            for row in rows
            if not row["went_out"]
        ]
        told = f" {count(len(left), 'mail')} left out that went out: see below." if left else ""
        does = (
            f"Put {count(len(changes), 'mail').lower()} back into the queue: their rows show no trace of having gone "
            "out. A provider that took one and was not heard has a log of its own: look there first."
            if changes
            else NOTHING
        )
        shown = [_shown(row) for row in [*left, *rows][:SHOWN]]
        return planned(application, f"{does}{told}", changes, noun="mails", evidence=shown, risk=Risk.HIGH)


NOTHING = "Nothing to do: there is no such mail."


def _status(rows: Sequence[Row], to: str) -> list[Change]:
    return [
        Change(part="sends", key=str(row["id"]), was={"status": str(row["status"])}, to={"status": to}) for row in rows
    ]


def _shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "total"}
