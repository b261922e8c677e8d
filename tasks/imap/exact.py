"""Messages named so that no other is touched: by UID, under one UIDVALIDITY, and by a mark of what they are."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.imap.letters import Letter
from tasks.imap.system import Mailbox
from tasks.model import Command, Plan, Refused, Row


def commands_of(folder: str, validity: int, letters: Sequence[Letter], what: str) -> tuple[Command, ...]:
    """One command a message, for what is done to each."""
    targets: list[Row] = [{"folder": folder, "validity": validity, "uid": one.uid, "mark": one.mark} for one in letters]
    return tuple(Command(line=f"UID {target['uid']} in {folder}: {what}", target=target) for target in targets)


def uids(plan: Plan) -> list[int]:
    return list(marks(plan))


def marks(plan: Plan) -> dict[int, str]:
    """The mark of each message of the plan, by its UID."""
    return {int(str(one.target["uid"])): str(one.target["mark"]) for one in plan.commands}


def refuse_renumbered(mailbox: Mailbox, plan: Plan) -> None:
    """After a new UIDVALIDITY, the numbers of before are of other messages (RFC 3501, 2.3.1.1).

    Raises:
        Refused: that is so.
    """
    if any(one.target["validity"] != mailbox.validity for one in plan.commands):
        raise Refused(
            f"{mailbox.name} was made anew since the plan: its numbers are of other messages now.",
            remedy="Open the incident again: it plans with the mailbox as it is now.",
        )
