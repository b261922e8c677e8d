"""A bounce mailbox as a mail server fills it, and messages to put in."""

from __future__ import annotations

import os
import time
from itertools import count
from pathlib import Path
from typing import Any

from tasks.bounces.system import Bounces

SAMPLES = Path(__file__).parent / "samples"
_numbers = count()


def sample(name: str) -> bytes:
    """What a real server wrote: Postfix 3.7.11, Exim 4.96 and OpenSMTPD 6.8.0 of Debian 12.

    The same mail to six recipients, refused by a server of ours; their words to people are ours as well.
    """
    return (SAMPLES / f"{name}.eml").read_bytes()


def mailbox(folder: Path, **given: Any) -> Bounces:
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Bounces(maildir=folder, **given)


def deliver(folder: Path, content: bytes, *, ago_s: float = 60, seen: bool = False) -> Path:
    """Put a message there that arrived `ago_s` seconds ago."""
    name = f"{int(time.time() - ago_s)}.{next(_numbers)}.lab"
    path = folder / ("cur" if seen else "new") / (f"{name}:2,S" if seen else name)
    path.write_bytes(content)
    at_s = time.time() - ago_s
    os.utime(path, (at_s, at_s))
    return path


def failed(*recipients: tuple[str, str, str], action: str = "failed", kind: str = "delivery-status") -> bytes:
    """A report on recipients, each an address, a status and what a server said."""
    blocks = "".join(
        f"\nFinal-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n"
        + (f"Diagnostic-Code: smtp; {said}\n" if said else "")
        for address, status, said in recipients
    )
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@lab.example\nTo: news@lab.example\nSubject: Undelivered\n"
        f"MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        f"--b\n\nNot delivered.\n\n--b\nContent-Type: message/{kind}\n\nReporting-MTA: dns; lab.example\n{blocks}\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: Hello\n\nHello.\n\n--b--\n"
    ).encode()


def complaint(kind: str = "abuse", *recipients: str, more: str = "") -> bytes:
    """A feedback report as RFC 5965 has it."""
    named = "".join(f"Original-Rcpt-To: <{one}>\n" for one in recipients)
    return (
        "From: fbl@provider.example\nTo: news@lab.example\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\n\nA reader pressed the button.\n\n--b\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {kind}\nUser-Agent: provider/1.0\nVersion: 1\n{named}{more}\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: Hello\n\nHello.\n\n--b--\n"
    ).encode()
