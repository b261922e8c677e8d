"""Do replies answer mails of ours? Their message ids, held against the application's own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.imap.checks import MOST_LOOKED_AT, SHOWN, row_of
from tasks.imap.letters import Letter
from tasks.imap.queries import KNOWN
from tasks.imap.system import ImapServer
from tasks.model import Finding, Threshold

UNMATCHED = Threshold(
    warn=1,
    bad=5,
    because="Owner: the team on call. One reply that answers no mail of ours may be a forwarded one. Five that wait at "
    "once mean that the ids we keep are not the ones we send: a provider that writes its own, a changed format.",
)


@dataclass(frozen=True, kw_only=True)
class Replies:
    """The unread replies that were looked at, and those of them that answer no mail of ours."""

    unseen: int
    looked_at: tuple[Letter, ...]
    unmatched: tuple[Letter, ...]
    validity: int


@check
def check_reply_matching(
    imap: ImapServer, application: ApplicationDatabase, unmatched: Threshold = UNMATCHED
) -> Finding:
    """Does every unread reply answer a mail that we sent?

    By In-Reply-To and References, held against `sends.message_id`, with and without brackets. Bounces, absence notes
    and mails that answer nothing are left out: they are no replies.
    """
    replies = unread(imap, application)
    verdict = unmatched.judge(len(replies.unmatched))
    now = time.time()

    if not replies.looked_at:
        says = f"No unread reply lies in {imap.folder}."
    elif not replies.unmatched:
        says = f"All {len(replies.looked_at)} unread replies in {imap.folder} answer mails of ours."
    else:
        says = (
            f"{len(replies.unmatched)} of {len(replies.looked_at)} unread replies in {imap.folder} answer no mail that "
            f"{application.address} knows (bad from {unmatched.bad:g})."
        )
    return Finding(
        verdict=verdict,
        says=says,
        value=float(len(replies.unmatched)),
        unit="replies",
        facts={"unseen": replies.unseen, "replies": len(replies.looked_at)},
        rows=[row_of(letter, now) for letter in replies.unmatched[:SHOWN]],
    )


def unread(imap: ImapServer, application: ApplicationDatabase) -> Replies:
    """The unread replies, held against what was sent.

    Raises:
        CannotLook, Refused: no answer from one of both, or `sends.message_id` is not mapped.
    """
    with imap.mailbox() as mailbox:
        uids = mailbox.search("UNSEEN")
        found = tuple(letter for letter in mailbox.letters(uids[:MOST_LOOKED_AT]) if letter.is_reply)
        validity = mailbox.validity
    sent = known(application, found)
    strange = tuple(letter for letter in found if not sent.intersection(letter.answers))
    return Replies(unseen=len(uids), looked_at=found, unmatched=strange, validity=validity)


def known(application: ApplicationDatabase, letters: Sequence[Letter]) -> set[str]:
    """Which of the ids they answer are of mails of ours, without brackets."""
    ids = sorted({one for letter in letters for one in letter.answers})
    # Asked without any, too: whether the column is there is a question of its own.
    rows = application.rows(KNOWN, ids=[form for one in ids for form in (one, f"<{one}>")])
    return {str(row["message_id"]) for row in rows}
