"""What can be mended from here about replies: let the reader in again, and take what it cannot match out of its way."""

from __future__ import annotations

import time

from tasks.action import Action
from tasks.application.system import ApplicationDatabase
from tasks.imap.checks import SHOWN, row_of
from tasks.imap.exact import commands_of, marks, refuse_renumbered, uids
from tasks.imap.matching import Replies, unread
from tasks.imap.system import ImapServer, Moved
from tasks.mail import spare
from tasks.model import BlastRadius, NoWayBack, Outcome, Plan, Refused, Risk, Row

# Where they lie until a person has said what they are.
ASIDE = "Unmatched"


class UseSpareImapPassword(Action):
    """Put the spare password in the place of the one that the mailbox refuses.

    Into the file that the reply reader reads, too, after it was tried; neither password is shown. If somebody changed
    the password because it leaked, make a new one instead.
    """

    def plan(self, imap: ImapServer) -> Plan:
        return spare.use_plan(imap)

    def apply(self, imap: ImapServer, plan: Plan) -> Outcome:
        return spare.use(imap, plan)

    def applied(self, imap: ImapServer, plan: Plan) -> bool | None:  # noqa: ARG002
        return spare.used(imap)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the old password back into the file."""
        return PutImapPasswordBack()


class PutImapPasswordBack(Action):
    """Put the old IMAP password back."""

    undo = NoWayBack(loses="The spare password in the file; it stands in the configuration still.")

    def plan(self, imap: ImapServer) -> Plan:
        return spare.back_plan(imap)

    def apply(self, imap: ImapServer, plan: Plan) -> Outcome:
        return spare.back(imap, plan)

    def applied(self, imap: ImapServer, plan: Plan) -> bool | None:  # noqa: ARG002
        return spare.is_back(imap)


class SetUnmatchedRepliesAside(Action):
    """Move the replies that answer no mail of ours into the folder “Unmatched”.

    There a person reads them, unread as they are; the reader goes on with the others. Exactly those that were shown:
    one that is gone or read by then is left alone.
    """

    narrows = True

    def plan(self, imap: ImapServer, application: ApplicationDatabase) -> Plan:
        replies = unread(imap, application)
        now = time.time()
        return Plan(
            does=_does(replies, imap),
            commands=commands_of(imap.folder, replies.validity, replies.unmatched, f"move to {ASIDE}"),
            blast_radius=BlastRadius(touched=len(replies.unmatched), total=replies.unseen, noun="unread mails"),
            risk=Risk.LOW,
            loses=self.way_back,
            evidence=[row_of(letter, now) for letter in replies.unmatched[:SHOWN]],
            language="text",
        )

    # The database is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, imap: ImapServer, application: ApplicationDatabase, plan: Plan) -> Outcome:  # noqa: ARG002
        with imap.mailbox(write=True) as mailbox:
            refuse_renumbered(mailbox, plan)
            there = {one.uid: one.mark for one in mailbox.letters(uids(plan)) if not one.seen}
            todo = [uid for uid, mark in marks(plan).items() if there.get(uid) == mark]
            moved = mailbox.move(todo, ASIDE) if todo else Moved(uids={}, validity=None)
        left = [dict(command.target) for command in plan.commands if command.target["uid"] not in todo]
        rows: list[Row] = [{"uid": uid, "moved_to": moved.uids.get(uid), "validity": moved.validity} for uid in todo]
        gone = f" {len(left)} were read or gone by then, and left alone." if left else ""
        return Outcome(says=f"Moved {len(todo)} replies to {ASIDE}.{gone}", complete=not left, rows=rows, not_done=left)

    def applied(self, imap: ImapServer, application: ApplicationDatabase, plan: Plan) -> bool | None:  # noqa: ARG002
        with imap.mailbox() as mailbox:
            refuse_renumbered(mailbox, plan)
            wanted = marks(plan)
            return not [one for one in mailbox.letters(uids(plan)) if wanted.get(one.uid) == one.mark]

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Move them back to where they were."""
        return MoveRepliesBack(tuple(outcome.rows))


class MoveRepliesBack(Action):
    """Move the replies that were set aside back."""

    undo = NoWayBack(loses="Nothing: they lie where they lay before, under new numbers.")
    narrows = True

    def __init__(self, rows: tuple[Row, ...]) -> None:
        """`rows` are what moving them has told: the number each has there, and of which numbering."""
        self.rows = rows

    def plan(self, imap: ImapServer) -> Plan:
        aside = imap.model_copy(update={"folder": ASIDE})
        moved = [int(str(row["moved_to"])) for row in self.rows if row["moved_to"] is not None]
        # Without rows, who moved them died before it could tell.
        if not moved or len(moved) < len(self.rows):
            raise Refused(
                f"{imap.address} did not tell us under which numbers they lie there.",
                remedy=f"Move them back by hand, from {ASIDE} to {imap.folder}.",
            )
        with aside.mailbox() as mailbox:
            there = mailbox.letters(moved) if mailbox.validity == self.rows[0]["validity"] else []
            commands = commands_of(ASIDE, mailbox.validity, there, f"move to {imap.folder}")
        return Plan(
            does=f"Move {len(commands)} replies from {ASIDE} back to {imap.folder}.",
            commands=commands,
            blast_radius=BlastRadius(touched=len(commands), total=len(self.rows), noun="replies set aside"),
            risk=Risk.LOW,
            loses=self.way_back,
            language="text",
        )

    def apply(self, imap: ImapServer, plan: Plan) -> Outcome:
        aside = imap.model_copy(update={"folder": ASIDE})
        with aside.mailbox(write=True) as mailbox:
            refuse_renumbered(mailbox, plan)
            there = {one.uid: one.mark for one in mailbox.letters(uids(plan))}
            todo = [uid for uid, mark in marks(plan).items() if there.get(uid) == mark]
            if todo:
                mailbox.move(todo, imap.folder)
        left = [dict(command.target) for command in plan.commands if command.target["uid"] not in todo]
        says = f"Moved {len(todo)} replies back to {imap.folder}."
        return Outcome(says=says, complete=not left, not_done=left)

    def applied(self, imap: ImapServer, plan: Plan) -> bool | None:
        with imap.model_copy(update={"folder": ASIDE}).mailbox() as mailbox:
            refuse_renumbered(mailbox, plan)
            wanted = marks(plan)
            return not [one for one in mailbox.letters(uids(plan)) if wanted.get(one.uid) == one.mark]


def _does(replies: Replies, imap: ImapServer) -> str:
    if not replies.unmatched:
        return f"Nothing to move: no unread reply in {imap.folder} answers a mail that we do not know."
    return f"Move {len(replies.unmatched)} of {replies.unseen} unread mails from {imap.folder} to {ASIDE}."
