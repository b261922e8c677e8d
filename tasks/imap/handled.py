"""Were replies that are marked as read also taken in? A reader that crashed halfway sees them never again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.imap.checks import MOST_LOOKED_AT, SHOWN, row_of
from tasks.imap.letters import Letter
from tasks.imap.queries import UNHANDLED
from tasks.imap.system import ImapServer
from tasks.model import Finding, Threshold

# How far back: older ones were seen by an earlier look. Younger than this, the reader may still be at it.
WITHIN = timedelta(days=7)
AT_IT_S = 900.0
# As RFC 3501 writes them, whatever this machine's language is.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

UNHANDLED_REPLIES = Threshold(
    warn=1,
    bad=3,
    because="Owner: the team on call. Each is a lead that answered, and gets the next mail of the campaign all the "
    "same. One may have been read by a person in the mailbox; three in a week are a reader that loses them.",
)


@dataclass(frozen=True, kw_only=True)
class Handled:
    """The replies marked as read that answer mails of ours, and those of them that the application knows nothing of."""

    read: int
    unhandled: tuple[Letter, ...]
    validity: int


@check
def check_unhandled_replies(
    imap: ImapServer, application: ApplicationDatabase, unhandled: Threshold = UNHANDLED_REPLIES
) -> Finding:
    """Did the application take in every reply that is marked as read?

    Of the last seven days, not the last quarter of an hour. By the events of the mail that was answered
    (`events.types.reply`). The newest 400 are looked at.
    """
    seen = read(imap, application)
    number = len(seen.unhandled)
    now = time.time()
    says = (
        f"{number} of {seen.read} replies to mails of ours that are marked as read in {imap.folder} never came into "
        f"{application.address} (bad from {unhandled.bad:g})."
        if number
        else f"All {seen.read} replies to mails of ours that are marked as read in {imap.folder} were taken in."
    )
    return Finding(
        verdict=unhandled.judge(number),
        says=says,
        value=float(number),
        unit="replies",
        facts={"read": seen.read},
        rows=[row_of(letter, now) for letter in seen.unhandled[:SHOWN]],
    )


def read(imap: ImapServer, application: ApplicationDatabase) -> Handled:
    """The replies marked as read, held against what was taken in.

    Raises:
        CannotLook, Refused: no answer from one of both, or what it takes is not mapped.
    """
    since = datetime.now(UTC) - WITHIN
    with imap.mailbox() as mailbox:
        # IMAP knows days only, and the server's own.
        day = since - timedelta(days=1)
        uids = mailbox.search("SEEN", "SINCE", f"{day.day}-{MONTHS[day.month - 1]}-{day.year}")
        found = [letter for letter in mailbox.letters(uids[-MOST_LOOKED_AT:]) if letter.is_reply]
        validity = mailbox.validity
    old = [letter for letter in found if since.timestamp() <= letter.arrived_s <= time.time() - AT_IT_S]
    ids = sorted({one for letter in old for one in letter.answers})
    rows = application.rows(UNHANDLED, ids=[form for one in ids for form in (one, f"<{one}>")])
    taken_in = {str(row["message_id"]): bool(row["handled"]) for row in rows}
    ours = [letter for letter in old if any(one in taken_in for one in letter.answers)]
    lost = tuple(one for one in ours if not any(taken_in.get(answered, False) for answered in one.answers))
    return Handled(read=len(ours), unhandled=lost, validity=validity)
