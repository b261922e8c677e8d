"""Ways to fill a bounce mailbox, as receiving servers and mail providers would."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from tasks.bounces.system import FOLDERS, Bounces
from tasks.fault import Fault
from tasks.model import Refused

# What a server says, and how its report calls it. Nobody has these addresses (RFC 2606).
UNKNOWN_USER = ("5.1.1", "550 5.1.1 no such user here")
BLOCKED = ("5.7.1", "554 5.7.1 blocked using bl.example")


class _Delivered(Fault):
    """Put messages into the mailbox, and take exactly those out again."""

    def _deliver(self, bounces: Bounces, messages: list[str]) -> list[Path]:
        delivered: list[Path] = []
        for message in messages:
            # As a Maildir wants it: written elsewhere, then moved, so that nobody reads a half one.
            name = f"{time.time():.0f}.{secrets.token_hex(8)}.drill"
            begun, done = bounces.maildir / "tmp" / name, bounces.maildir / "new" / name
            try:
                begun.write_text(message, encoding="utf-8")
                begun.rename(done)
            except OSError as error:
                self.cure(delivered)
                raise Refused(
                    f"Nothing can be delivered into {bounces.maildir}: {error.strerror}.",
                    remedy="A drill needs a mailbox that whoever runs it may write to, with its folder tmp.",
                ) from error
            delivered.append(done)
        return delivered

    def cure(self, trouble: list[Path]) -> None:
        """A mail program may have moved them on meanwhile."""
        for delivered in trouble:
            for folder in FOLDERS:
                for path in (delivered.parents[1] / folder).glob(f"{delivered.name}*"):
                    path.unlink(missing_ok=True)


class ReturnUnknown(_Delivered):
    """Return mails whose addresses do not exist."""

    def __init__(self, mails: int = 10) -> None:
        self.mails = mails

    def cause(self, bounces: Bounces) -> list[Path]:
        return self._deliver(bounces, [_report(f"lead{n}@lab.example", *UNKNOWN_USER) for n in range(self.mails)])


class ReturnBlocked(_Delivered):
    """Return mails that one domain blocked."""

    def __init__(self, mails: int = 10) -> None:
        self.mails = mails

    def cause(self, bounces: Bounces) -> list[Path]:
        return self._deliver(bounces, [_report(f"lead{n}@big.example", *BLOCKED) for n in range(self.mails)])


class Complain(_Delivered):
    """Report mails as spam, as readers do by a button."""

    def __init__(self, complaints: int = 5) -> None:
        self.complaints = complaints

    def cause(self, bounces: Bounces) -> list[Path]:
        return self._deliver(bounces, [_feedback(f"lead{n}@big.example") for n in range(self.complaints)])


def _report(address: str, status: str, said: str) -> str:
    return _message(
        "delivery-status",
        "The mail could not be delivered.",
        f"Reporting-MTA: dns; lab.example\n\nFinal-Recipient: rfc822; {address}\nAction: failed\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}\n",
    )


def _feedback(address: str) -> str:
    return _message(
        "feedback-report",
        "A reader reported the mail.",
        f"Feedback-Type: abuse\nUser-Agent: drill/1\nVersion: 1\nOriginal-Rcpt-To: <{address}>\n",
    )


def _message(kind: str, words: str, report: str) -> str:
    return (
        "Return-Path: <>\nFrom: Mail System <postmaster@lab.example>\nTo: news@lab.example\nSubject: A drill\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type={kind}; boundary="drill"\n\n'
        f"--drill\nContent-Type: text/plain\n\n{words}\n\n--drill\nContent-Type: message/{kind}\n\n{report}\n"
        "--drill\nContent-Type: text/rfc822-headers\n\nSubject: News\n\n--drill--\n"
    )
