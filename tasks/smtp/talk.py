"""What is said to a mail server and what it answers (RFC 5321). One command at a time, one recipient at a time.

Not the standard library's smtplib: it spends a second attempt on a wrong password, reads as many lines as a server
likes to send, and has no end for a whole visit.
"""

from __future__ import annotations

import base64
import contextlib
import re
import ssl
from dataclasses import dataclass

from pydantic import SecretStr

from tasks.excerpt import excerpt
from tasks.mail.line import Line, NoLine
from tasks.mail.server import quoted

MOST_LINES = 100
ANSWER = re.compile(r"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
SPOKEN = 60
# The mechanisms that every submission server has. Both send the password as it is: never without TLS.
PLAIN, LOGIN = "PLAIN", "LOGIN"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A server's answer: its code, and its words as they may be shown."""

    code: int
    lines: tuple[str, ...]
    said: str

    @property
    def is_good(self) -> bool:
        return 200 <= self.code < 300

    @property
    def may_pass(self) -> bool:
        """4xx: the same may be granted later."""
        return 400 <= self.code < 500

    @property
    def detail(self) -> str:
        """The enhanced status code (RFC 3463), like 5.7.8; empty if there is none."""
        found = re.match(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])", self.lines[0])
        return found.group() if found else ""


class Talk:
    """One connection. What goes wrong on it is raised as Line raises it; what is no SMTP, as NoLine."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.offers: dict[str, str] = {}
        self._sent: tuple[str, ...] = ()

    def reply(self) -> Reply:
        lines: list[str] = []
        for _ in range(MOST_LINES):
            text = self.line.read().decode("utf-8", "replace")
            found = ANSWER.fullmatch(text)
            if found is None:
                raise NoLine(f"“{excerpt(text, SPOKEN)}”" if text else "an empty line")
            lines.append(found[3] or "")
            if found[2] != "-":
                code = int(found[1])
                said = quoted(" ".join([str(code), *lines]), *self._sent)
                return Reply(code=code, lines=tuple(lines), said=said)
        raise NoLine(f"an answer of more than {MOST_LINES} lines")

    def say(self, command: str) -> Reply:
        self.line.write(f"{command}\r\n".encode())
        return self.reply()

    def hello(self, helo: str | None) -> Reply:
        """Introduce ourselves; what the server offers is in `offers` afterwards, by its name in capitals."""
        own = self.line.own_address
        reply = self.say(f"EHLO {helo or (f'[IPv6:{own}]' if ':' in own else f'[{own}]')}")
        words = [line.upper().partition(" ") for line in reply.lines[1:]]
        self.offers = {name: rest for name, _, rest in words if name} if reply.is_good else {}
        return reply

    def secure(self, trusted: ssl.SSLContext, name: str) -> None:
        """Shake hands.

        Raises:
            NoLine: something came before it: whoever sits between could have written it.
        """
        if self.line.early:
            raise NoLine("something unasked before the handshake")
        self.line.secure(trusted, name)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        return tuple(self.offers.get("AUTH", "").split())

    def log_in(self, mechanism: str, username: str, password: SecretStr) -> Reply:
        """One attempt. What the server repeats of it is not shown."""
        secret = password.get_secret_value()
        whole = _base64(f"\0{username}\0{secret}")
        self._sent = (whole, _base64(secret), secret)
        if mechanism == PLAIN:
            return self._finished(self.say(f"AUTH PLAIN {whole}"))
        asked = self.say("AUTH LOGIN")
        for word in (username, secret):
            if asked.code != 334:
                break
            asked = self.say(_base64(word))
        return self._finished(asked)

    def hand_in(self, message: bytes) -> Reply:
        """The message itself, after the server has taken sender and recipient; lines end with CRLF."""
        asked = self.say("DATA")
        if asked.code != 354:
            return asked
        stuffed = re.sub(rb"(?m)^\.", b"..", message)
        self.line.write(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return self.reply()

    def leave(self) -> None:
        """Say so and go. What the server wishes us on the way is not waited for."""
        with contextlib.suppress(OSError):
            self.line.write(b"QUIT\r\n")
        self.line.close()

    def _finished(self, reply: Reply) -> Reply:
        # It wants to hear more than the mechanism has to say: broken off, or it would wait.
        return self.say("*") if reply.code == 334 else reply


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
