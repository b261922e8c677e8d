"""What we ask a mailbox in which replies arrive: do we get in, and does anybody work through it?"""

from __future__ import annotations

import time

from tasks.amounts import stretch
from tasks.check import check
from tasks.imap.letters import Letter
from tasks.imap.system import ImapServer
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict

UNSEEN_AGE = Threshold(
    warn=900,
    bad=3600,
    because="Owner: the team on call. In seconds since the server took it. Reply readers look every minute or five; "
    "three looks missed are no accident, and whoever answered an hour ago waits, or gets the next mail of a campaign.",
)
# More than this are counted, and only the oldest are looked at.
MOST_LOOKED_AT = 400
SHOWN = 20


@check
def check_imap_login(imap: ImapServer) -> Finding:
    """Do we get into the mailbox that replies arrive in?

    Connection, certificate, login (one attempt), folder; and whether the server keeps the marks by which a reader knows
    what it has read.
    """
    try:
        with imap.mailbox(write=True) as mailbox:
            keeps = mailbox.keeps_seen()
    except CannotLook as error:
        return Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
    if not keeps:
        return Finding(
            verdict=Verdict.WARN,
            says=f"{imap.address} lets us into {imap.folder}, and keeps no mark of what is read there.",
            remedy=f"The account may only read {imap.folder}: give it the right to write flags (RFC 4314: s, w).",
        )
    return Finding(verdict=Verdict.OK, says=f"{imap.address} lets us into {imap.folder} as {imap.username}.")


@check
def check_unseen_replies(imap: ImapServer, age: Threshold = UNSEEN_AGE) -> Finding:
    """Does any mail lie unread in the mailbox of replies for too long?

    By when the server took it: the sender's date may be anything. Of more than 400 unread ones the first are looked at.
    """
    with imap.mailbox() as mailbox:
        uids = mailbox.search("UNSEEN")
        found = mailbox.letters(uids[:MOST_LOOKED_AT])
    now = time.time()
    aged = sorted(((max(0.0, now - letter.arrived_s), letter) for letter in found), key=lambda one: -one[0])
    oldest_s = aged[0][0] if aged else 0.0
    verdict = age.judge(oldest_s)

    told = f"{len(uids):,} mails lie" if len(uids) != 1 else "1 mail lies"
    says = (
        f"{told} unread in {imap.folder}, the oldest for {stretch(oldest_s)} (bad from {stretch(age.bad)})."
        if uids
        else f"No mail lies unread in {imap.folder}."
    )
    return Finding(
        verdict=verdict,
        says=says,
        value=oldest_s,
        unit="s",
        facts={"unseen": len(uids)},
        rows=[row_of(letter, now) for _, letter in aged[:SHOWN]] if verdict else (),
    )


def row_of(letter: Letter, now: float) -> Row:
    """A message as evidence: nobody is named."""
    return {
        "uid": letter.uid,
        "from": letter.sender,
        "waits_s": round(now - letter.arrived_s),
        "reply": letter.is_reply,
    }
