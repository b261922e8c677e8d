"""The door to a mailbox: IMAP, over a connection that ends in time and takes no more than a mailbox has to say."""

from __future__ import annotations

import base64
import binascii
import imaplib
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, SecretStr

from tasks.imap.letters import MOST_HEADER, WANTED, Letter, letters
from tasks.mail.attempts import Attempts
from tasks.mail.line import connected, left
from tasks.mail.server import MailServer, Port, Security, quoted
from tasks.model import CannotLook, Finding, Refused, Verdict

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

# Of one answer, and of a whole visit. Whole messages are never fetched: what is looked at are some header lines each.
MOST_PIECE = 256 * 1024
MOST_BYTES = 16 * 2**20
FETCHED_AT_ONCE = 50
MOST_MOVED = 1000
PIECE = 64 * 1024
# A literal's announced size: Python takes some thousand digits for an error of ours.
_ENDLESS = re.compile(rb"\{[0-9]{8,}\+?\}\r?\n\Z")
# RFC 5530: what passes, and says nothing about the password.
_PASSES = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\]", re.IGNORECASE)
# Printable ASCII that needs no escape: other names are written in modified UTF-7, as the server shows them.
Folder = Annotated[str, Field(min_length=1, max_length=200, pattern=r'^[^\x00-\x1f\x7f"\\]+$')]


class TooMuch(Exception):
    """The server says more than a mailbox has to say."""


class NotLetIn(Refused):
    """The server refuses the name or the password."""


class _Line(imaplib.IMAP4):
    """One connection. The library has no end for a visit, and reads as long an answer as a server announces."""

    def __init__(self, server: MailServer, trusted: ssl.SSLContext, until: float) -> None:
        self._server, self._trusted, self._until = server, trusted, until
        self._came, self._taken = bytearray(), 0
        self._by: socket.socket | None = None
        super().__init__(server.host, server.port)

    def _create_socket(self, _timeout: float | None) -> socket.socket:
        plain = connected(self._server.host, self._server.port, self._until)
        if self._server.security != "implicit":
            return plain
        try:
            plain.settimeout(left(self._until))
            return self._trusted.wrap_socket(plain, server_hostname=self._server.host)
        except BaseException:
            plain.close()
            raise

    def read(self, size: int) -> bytes:
        if size > MOST_PIECE:
            raise TooMuch(f"a piece of {size:,} bytes")
        while len(self._came) < size:
            self._take()
        return self._given(size)

    def readline(self) -> bytes:
        self._forget_plain()
        begin = 0
        while (end := self._came.find(b"\n", begin)) < 0:
            begin = len(self._came)
            self._take()
        line = self._given(end + 1)
        if _ENDLESS.search(line):
            raise TooMuch("a piece without end")
        return line

    def send(self, data: Buffer) -> None:
        self.sock.settimeout(left(self._until))
        super().send(data)

    def _take(self) -> None:
        """What has come, piece by piece: a server that drips would keep the library's file waiting for ever."""
        self.sock.settimeout(left(self._until))
        piece = self.sock.recv(PIECE)
        if not piece:
            raise self.abort("it ended the connection")
        self._taken += len(piece)
        if self._taken > MOST_BYTES:
            raise TooMuch(f"more than {MOST_BYTES:,} bytes")
        self._came += piece

    def _given(self, size: int) -> bytes:
        piece = bytes(self._came[:size])
        del self._came[:size]
        return piece

    def _forget_plain(self) -> None:
        """What came before the handshake of STARTTLS and was not read is of whoever sits between."""
        if self._by is not self.sock:
            self._by = self.sock
            self._came.clear()


# What was refused lately, for all visits of this process.
_attempts: Attempts[NotLetIn] = Attempts()


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Where messages went: their new UIDs by the old ones, under `validity`; empty where the server does not say."""

    uids: Mapping[int, int]
    validity: int | None


class Mailbox:
    """A mailbox that is open. Messages are named by their UID, which no other message gets under one `validity`."""

    def __init__(self, line: _Line, name: str) -> None:
        self._line, self.name = line, name
        told = line.response("UIDVALIDITY")[1][0]
        self.validity = int(told) if isinstance(told, bytes) and _is_number(told) else 0

    def keeps_seen(self) -> bool:
        """Does the server keep the mark of what was read? To be asked of a mailbox that is open for writing."""
        kept = self._line.response("PERMANENTFLAGS")[1][0]
        # Where it does not say, all flags are kept (RFC 3501, 7.1).
        return not isinstance(kept, bytes) or b"\\seen" in kept.lower()

    def find(self, message_id: str) -> list[int]:
        """The messages with this Message-ID."""
        return self.search("HEADER", "Message-ID", _quote(message_id))

    def search(self, *criteria: str) -> list[int]:
        """UIDs in their order. The criteria are ours: nothing of a mail is put into them unquoted."""
        answer = self._asked("SEARCH", *criteria)
        return sorted({int(word) for line in answer for word in line.split() if _is_number(word)})

    def letters(self, uids: Sequence[int]) -> list[Letter]:
        """Those of the messages that are there, with some header fields; none is marked as read."""
        what = f"(UID INTERNALDATE FLAGS BODY.PEEK[HEADER.FIELDS ({' '.join(WANTED)})]<0.{MOST_HEADER}>)"
        found: dict[int, Letter] = {}
        for begin in range(0, len(uids), FETCHED_AT_ONCE):
            kind, answer = self._line.uid("FETCH", _set(uids[begin : begin + FETCHED_AT_ONCE]), what)
            if kind != "OK":
                raise CannotLook(f"{self.name}: the server refuses FETCH: {_said(answer)}.")
            found |= {one.uid: one for one in letters(answer)}
        return [found[uid] for uid in uids if uid in found]

    def move(self, uids: Sequence[int], folder: str) -> Moved:
        """Move exactly these into `folder`, which is made if it is not there.

        Raises:
            CannotLook: the server refuses.
        """
        command = "MOVE" if "MOVE" in self._offers else "COPY"
        kind, _ = self._line.uid(command, _set(uids), _quote(folder))
        if kind != "OK":
            self._line.create(_quote(folder))
            self._asked(command, _set(uids), _quote(folder))
        told = self._line.response("COPYUID")[1][0]
        if command == "COPY":
            self.remove(uids)
        return _moved(told if isinstance(told, bytes) else b"")

    def remove(self, uids: Sequence[int]) -> None:
        """Delete exactly these, for good where the server can (UIDPLUS); otherwise they are marked as deleted."""
        if not uids:
            return
        self._asked("STORE", _set(uids), "+FLAGS.SILENT", r"(\Deleted \Seen)")
        if "UIDPLUS" in self._offers:
            self._asked("EXPUNGE", _set(uids))

    def mark_seen(self, uids: Sequence[int], seen: bool) -> None:
        """Mark exactly these as read, or as unread. Some servers say OK and keep nothing: look afterwards."""
        if uids:
            self._asked("STORE", _set(uids), "+FLAGS.SILENT" if seen else "-FLAGS.SILENT", r"(\Seen)")

    def append(self, message: bytes) -> None:
        """Put a message there, unread."""
        kind, answer = self._line.append(_quote(self.name), "", "", message)
        if kind != "OK":
            raise CannotLook(f"{self.name}: the server refuses a message: {_said(answer)}.")

    def refresh(self) -> None:
        """Let the server say what has come meanwhile."""
        self._line.noop()

    @cached_property
    def _offers(self) -> frozenset[str]:
        # Some servers say only after the login all they can; the library asks before it.
        return frozenset(_text(self._line.capability()[1][0] or "").upper().split())

    def _asked(self, command: str, *arguments: str) -> list[bytes]:
        kind, answer = self._line.uid(command, *arguments)
        if kind != "OK":
            raise CannotLook(f"{self.name}: the server refuses {command}: {_said(answer)}.")
        return [piece for piece in answer if isinstance(piece, bytes)]


class ImapServer(MailServer):
    """A mailbox, read by IMAP. Looked at without marking anything as read."""

    kind: ClassVar[str] = "imap"
    config_lines: ClassVar[str] = (
        'host = "imap.example.com"\nusername = "replies@example.com"\npassword = "${IMAP_PASSWORD}"'
    )

    port: Port = 993
    security: Security = "implicit"
    folder: Folder = "INBOX"

    @contextmanager
    def mailbox(self, *, write: bool = False, limit_s: float | None = None) -> Iterator[Mailbox]:
        """`folder`, opened; `limit_s` is for all that is done with it, in seconds.

        Raises:
            CannotLook: no answer, or not in time. NotLetIn: the password. Refused: the certificate, the folder.
        """
        until = time.monotonic() + (limit_s or self.limit_s)
        with self._words(), self._opened(until, self.secret()) as line:
            kind, answer = line.select(_quote(self.folder), readonly=not write)
            if kind != "OK":
                raise Refused(
                    f"{self.address} does not open {self.folder}: {_said(answer)}.",
                    remedy='folder = "INBOX"  # in modified UTF-7, as the server lists it',
                )
            yield Mailbox(line, self.folder)

    def has(self, folder: str) -> bool:
        """Is there a folder of this name?

        Raises:
            CannotLook: no answer, or no way in.
        """
        with self._words(), self._opened(time.monotonic() + self.limit_s, self.secret()) as line:
            return any(line.list('""', _quote(folder))[1])

    def accepts(self, password: SecretStr) -> bool:
        try:
            with self._words(), self._opened(time.monotonic() + self.limit_s, password):
                return True
        except NotLetIn:
            return False

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            with self.mailbox() as mailbox:
                unseen = len(mailbox.search("UNSEEN"))
        except CannotLook as error:
            verdict = Verdict.BAD if isinstance(error, Refused) else Verdict.UNKNOWN
            yield Finding(verdict=verdict, says=error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{self.address} opens {self.folder}: {unseen} messages are unseen.")

    @contextmanager
    def _opened(self, until: float, password: SecretStr) -> Iterator[_Line]:
        line = _Line(self, self.trusted(), until)
        try:
            if self.security == "starttls":
                line.starttls(self.trusted())
            self._let_in(line, password, until)
            yield line
        finally:
            with suppress(OSError, imaplib.IMAP4.error, TooMuch):
                line.logout()
            # After a broken visit the library leaves it open.
            with suppress(OSError):
                line.shutdown()

    def _let_in(self, line: _Line, password: SecretStr, until: float) -> None:
        if self.username is None:
            raise Refused(f"{self.address}: no `username` is configured.", remedy=self.config_lines)
        if "LOGINDISABLED" in line.capabilities:
            raise Refused(f"{self.address} takes no password on this connection.", remedy='security = "implicit"')
        username = self.username
        whole = f"\0{username}\0{password.get_secret_value()}".encode()

        def attempt() -> NotLetIn | None:
            try:
                if "AUTH=PLAIN" in line.capabilities:
                    line.authenticate("PLAIN", lambda _: whole)
                elif not whole.isascii():
                    raise Refused(
                        f"{self.address} takes names and passwords in ASCII only.",
                        remedy="Make a password of plain letters, digits and signs in the account's settings.",
                    )
                else:
                    line.login(username, password.get_secret_value())
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:
                heard = _text(error.args[0] if error.args else "")
                says = quoted(heard, base64.b64encode(whole).decode(), password.get_secret_value())
                if _PASSES.search(heard):
                    raise CannotLook(
                        f"{self.address} did not judge the login of {username}: {says}. Later it may."
                    ) from None
                return NotLetIn(
                    f"{self.address} refuses the login of {username}: {says}.",
                    remedy=f"Set `username` and `{self.password_key}` as the provider shows them; some want a password "
                    "made for applications, or IMAP switched on in the account's settings.",
                )
            return None

        account = f"{username} {self.address}"
        if refused := _attempts.once(account, password, attempt, until=until, written=self.written):
            raise NotLetIn(refused.says, remedy=refused.remedy)

    @contextmanager
    def _words(self) -> Iterator[None]:
        """What the library and the network raise, in ours."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise Refused(
                f"The certificate of {self.address} is not believed: {error.verify_message}.",
                remedy='ca_file = "…"  # if the authority is your own; otherwise who runs the server renews it',
            ) from None
        except TimeoutError:
            raise CannotLook(f"{self.address} did not answer in time.") from None
        except OSError as error:
            raise CannotLook(
                f"{self.address} cannot be reached: {error.strerror or error}.",
                remedy="Set `host`, `port` and `security` (implicit: 993, starttls: 143).",
            ) from None
        # Names and base64 that cannot be read, the library lets pass as they are.
        except (imaplib.IMAP4.error, TooMuch, UnicodeError, binascii.Error) as error:
            told = _text(error.args[0]) if isinstance(error, imaplib.IMAP4.error) and error.args else str(error)
            raise CannotLook(f"{self.address} does not speak IMAP as it should: {quoted(told)}.") from None


def _quote(text: str) -> str:
    if not text.isprintable() or not text.isascii():
        raise ValueError("only printable ASCII is put into a command")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))


def _is_number(word: bytes | str) -> bool:
    """As IMAP has them: of 32 bits (RFC 3501, 9)."""
    return len(word) <= 10 and word.isascii() and word.isdigit()


def _moved(told: bytes) -> Moved:
    """What COPYUID says (RFC 4315): a validity, the old numbers, and the new ones in the same order."""
    words = told.decode("ascii", "replace").split()
    if len(words) != 3 or not _is_number(words[0]):
        return Moved(uids={}, validity=None)
    old, new = _numbers(words[1]), _numbers(words[2])
    return Moved(uids=dict(zip(old, new, strict=False)), validity=int(words[0]))


def _numbers(text: str) -> list[int]:
    """`3:5,7` as 3, 4, 5, 7; no more than were moved at most."""
    found: list[int] = []
    for piece in text.split(","):
        first, _, last = piece.partition(":")
        if _is_number(first) and _is_number(last or first):
            low, high = sorted((int(first), int(last or first)))
            found += range(low, min(high + 1, low + MOST_MOVED - len(found)))
    return found


def _said(answer: object) -> str:
    first = answer[0] if isinstance(answer, list | tuple) and answer else ""
    return quoted(_text(first))


def _text(told: object) -> str:
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
