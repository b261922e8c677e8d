"""Replies that were read and never taken in, marked as unread, so that the reader takes them again; and back."""

from __future__ import annotations

import time

from tasks.action import Action
from tasks.application.system import ApplicationDatabase
from tasks.imap.checks import SHOWN, row_of
from tasks.imap.exact import commands_of, marks, refuse_renumbered, uids
from tasks.imap.handled import read
from tasks.imap.system import ImapServer
from tasks.model import BlastRadius, NoWayBack, Outcome, Plan, Risk

UNREAD, READ = "mark as unread", "mark as read"


class _Mark:
    """Messages are marked as read, or as unread: exactly those of the plan that are still as they were shown."""

    as_read: bool

    def _marked(self, imap: ImapServer, plan: Plan) -> Outcome:
        with imap.mailbox(write=True) as mailbox:
            refuse_renumbered(mailbox, plan)
            there = {one.uid: one for one in mailbox.letters(uids(plan))}
            todo = [uid for uid, mark in marks(plan).items() if uid in there and there[uid].mark == mark]
            mailbox.mark_seen(todo, self.as_read)
            # Some servers say OK and keep nothing.
            after = {one.uid for one in mailbox.letters(todo) if one.seen is self.as_read}
        left = [dict(command.target) for command in plan.commands if command.target["uid"] not in after]
        word = "read" if self.as_read else "unread"
        gone = f" {len(left)} are gone, or the server kept no mark." if left else ""
        return Outcome(says=f"Marked {len(after)} replies as {word}.{gone}", complete=not left, not_done=left)

    def _is_marked(self, imap: ImapServer, plan: Plan) -> bool:
        with imap.mailbox() as mailbox:
            refuse_renumbered(mailbox, plan)
            wanted = marks(plan)
            there = [one for one in mailbox.letters(uids(plan)) if wanted.get(one.uid) == one.mark]
        return all(one.seen is self.as_read for one in there)


class ReadRepliesAgain(_Mark, Action):
    """Mark the replies that were read and never taken in as unread, so that the reader takes them again.

    Exactly those that were shown. Whoever reads the mailbox beside the application sees them as new.
    """

    narrows = True
    as_read = False

    def plan(self, imap: ImapServer, application: ApplicationDatabase) -> Plan:
        seen = read(imap, application)
        now, number = time.time(), len(seen.unhandled)
        does = f"Mark {number} replies in {imap.folder} as unread." if number else "Nothing to mark: all were taken in."
        return Plan(
            does=does,
            commands=commands_of(imap.folder, seen.validity, seen.unhandled, UNREAD),
            blast_radius=BlastRadius(touched=number, total=seen.read, noun="replies that were read"),
            risk=Risk.LOW,
            loses=self.way_back,
            evidence=[row_of(letter, now) for letter in seen.unhandled[:SHOWN]],
            language="text",
        )

    # The database is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, imap: ImapServer, application: ApplicationDatabase, plan: Plan) -> Outcome:  # noqa: ARG002
        return self._marked(imap, plan)

    def applied(self, imap: ImapServer, application: ApplicationDatabase, plan: Plan) -> bool | None:  # noqa: ARG002
        return self._is_marked(imap, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Mark them as read again."""
        return MarkRepliesRead(plan)


class MarkRepliesRead(_Mark, Action):
    """Mark the replies as read again."""

    undo = NoWayBack(loses="Nothing: they are marked as they were.")
    narrows = True
    as_read = True

    def __init__(self, done: Plan) -> None:
        """`done` is what was marked as unread."""
        self.done = done

    def plan(self, imap: ImapServer) -> Plan:
        with imap.mailbox() as mailbox:
            refuse_renumbered(mailbox, self.done)
            wanted = marks(self.done)
            there = [
                one for one in mailbox.letters(uids(self.done)) if wanted.get(one.uid) == one.mark and not one.seen
            ]
            commands = commands_of(imap.folder, mailbox.validity, there, READ)
        return Plan(
            does=f"Mark {len(commands)} replies in {imap.folder} as read.",
            commands=commands,
            blast_radius=BlastRadius(touched=len(commands), total=len(wanted), noun="replies"),
            risk=Risk.LOW,
            loses=self.way_back,
            language="text",
        )

    def apply(self, imap: ImapServer, plan: Plan) -> Outcome:
        return self._marked(imap, plan)

    def applied(self, imap: ImapServer, plan: Plan) -> bool | None:
        return self._is_marked(imap, plan)
