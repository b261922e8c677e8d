"""Ways to spoil what is about to be sent: a further message in the folder, taken out again."""

from __future__ import annotations

import secrets
from email import policy
from email.message import EmailMessage
from pathlib import Path

from tasks.content.system import SUFFIX, Content
from tasks.fault import Fault
from tasks.model import Refused

_GOOD = "The news of this week: how the new page was made, by whom, and what comes next.\n"


class _Written(Fault):
    """Put one message into the folder, and take exactly that out again."""

    def _write(self, content: Content, message: EmailMessage) -> Path:
        path = content.folder / f"drill-{secrets.token_hex(4)}{SUFFIX}"
        begun = path.with_suffix(".part")
        try:
            begun.write_bytes(message.as_bytes())
            begun.rename(path)
        except OSError as error:
            raise Refused(
                f"Nothing can be written into {content.folder}: {error.strerror}.",
                remedy="A drill needs a folder that whoever runs it may write to.",
            ) from error
        return path

    def cure(self, trouble: Path) -> None:
        trouble.unlink(missing_ok=True)


class LeavePlaceholder(_Written):
    """Leave a placeholder in a message."""

    def cause(self, content: Content) -> Path:
        return self._write(content, _message("News for you", f"Hello {{{{first_name}}}},\n\n{_GOOD}"))


class DropUnsubscribe(_Written):
    """Leave out the way off the list."""

    def cause(self, content: Content) -> Path:
        message = _message("News of this week", _GOOD)
        del message["List-Unsubscribe"], message["List-Unsubscribe-Post"]
        return self._write(content, message)


class WriteSpam(_Written):
    """Write a message as spam is written: all in capitals, nothing but links that lead elsewhere than they say."""

    def cause(self, content: Content) -> Path:
        message = _message("RE: LAST CHANCE TODAY!!!", _GOOD)
        links = (
            '<a href="http://192.0.2.66/">www.bank.example</a> <a href="https://bank.example@other.example/">Log in</a>'
        )
        message.set_content(links * 40, subtype="html")
        return self._write(content, message)


def _message(subject: str, text: str) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=998))
    message["From"] = "Lab <news@lab.example>"
    message["To"] = "lead@lab.example"
    message["Subject"] = subject
    message["List-Unsubscribe"] = "<https://lab.example/leave/drill>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text)
    return message
