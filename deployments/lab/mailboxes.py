"""The lab's mail on disk: messages as its application is about to send them, and a mailbox that bounces come into."""

from __future__ import annotations

import shutil
from email import policy
from email.message import EmailMessage
from pathlib import Path

OUTGOING = "outgoing"
BOUNCES = "bounces"

# Good ones: every question about them answers OK until a drill adds another.
_MESSAGES = {
    "newsletter": ("News of this week", "How the new page was made, by whom, and what comes next."),
    "welcome": ("Welcome to the lab", "Your account is ready. Sign in, look around, and ask us whatever you want."),
}


def prepare(folder: Path) -> None:
    """Fill `folder` anew: what a drill of a lab that was killed has left there is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    for inside in (folder / OUTGOING, *(folder / BOUNCES / name for name in ("new", "cur", "tmp"))):
        inside.mkdir(mode=0o700, parents=True)
    for name, (subject, words) in _MESSAGES.items():
        (folder / OUTGOING / f"{name}.eml").write_bytes(_message(name, subject, words))


def _message(name: str, subject: str, words: str) -> bytes:
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=998))
    message["From"] = "Lab <news@lab.example>"
    message["To"] = "lead@lab.example"
    message["Subject"] = subject
    message["List-Unsubscribe"] = f"<https://lab.example/leave/{name}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(f"Hello Ada,\n\n{words}\n")
    link = '<a href="https://lab.example/read">Read on</a>'
    message.add_alternative(f"<html><body><p>Hello Ada,</p><p>{words}</p>{link}</body></html>\n", subtype="html")
    return message.as_bytes()
