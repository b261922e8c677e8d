"""Messages as an application would send them, put into a folder."""

from __future__ import annotations

import os
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tasks.content.system import Content

ONE_CLICK = "List-Unsubscribe=One-Click"
TEXT = "Hello Jane,\n\nthe lab's newsletter of this week tells how the new page was made, and by whom.\n"
HTML = '<html><body><p>Hello Jane, the news of this week.</p><a href="https://lab.example/n">Read on</a></body></html>'
WHOLE_LINES = policy.SMTP.clone(max_line_length=998)


def newsletter(
    *, subject: str = "News of this week", text: str | None = TEXT, html: str | None = HTML, **headers: str
) -> bytes:
    """A good one; `headers` are further ones, with _ for -; an empty value leaves one out."""
    message = EmailMessage(policy=WHOLE_LINES)
    given = {
        "From": "Lab <news@lab.example>",
        "To": "Jane <jane@example.com>",
        "Subject": subject,
        "List-Unsubscribe": "<https://lab.example/u/4711>, <mailto:leave@lab.example>",
        "List-Unsubscribe-Post": ONE_CLICK,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in given.items():
        if value:
            message[name] = value
    if text is not None:
        message.set_content(text)
    if html is not None and text is not None:
        message.add_alternative(html, subtype="html")
    elif html is not None:
        message.set_content(html, subtype="html")
    return message.as_bytes()


def content(folder: Path, *messages: bytes, **given: Any) -> Content:
    """A folder with `messages`: a.eml, b.eml, …; the first is the newest."""
    folder.mkdir(exist_ok=True)
    for number, message in enumerate(messages):
        path = folder / f"{chr(ord('a') + number)}.eml"
        path.write_bytes(message)
        at_s = 1_700_000_000 - number
        os.utime(path, (at_s, at_s))
    return Content(folder=folder, **given)
