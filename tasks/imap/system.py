"""The door to a mailbox: IMAP, over a connection that ends in time and takes no more than a mailbox has to say."""

from __future__ import annotations

import imaplib
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
from tasks.mail.server import MailServer, Port, Security, quoted
from tasks.model import CannotLook, Finding, Refused, Verdict

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

# Of one answer, and of a whole visit. Whole messages are never fetched: what is looked at are some header lines each.
MOST_PIECE = 256 * 1024
MOST_BYTES = 16 * 2**20
FETCHED_AT_ONCE = 50
MOST_MOVED = 1000
# Printable ASCII that needs no escape: other names are written in modified UTF-7, as the server shows them.
Folder = Annotated[str, Field(min_length=1, max_length=200, pattern=r'^[^\x00-\x1f\x7f"\\]+$')]


class TooMuch(Exception):
    """The server says more than a mailbox has to say."""


class NotLetIn(Refused):
    """The server refuses the name or the password."""


class _Line(imaplib.IMAP4):
    """One connection. The library has no end for a visit, and reads as long an answer as a server announces."""

    def __init__(self, server: MailServer, trusted: ssl.SSLContext, until: float) -> None:
        self._server, self._trusted, self._until, self._taken = server, trusted, until, 0
        super().__init__(server.host, server.port, _left(until))

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self._server.host, self._server.port), timeout)
        if self._server.security != "implicit":
            return plain
        try:
            return self._trusted.wrap_socket(plain, server_hostname=self._server.host)
        except BaseException:
            plain.close()
            raise

    def read(self, size: int) -> bytes:
        if size > MOST_PIECE:
            raise TooMuch(f"a piece of {size:,} bytes")
        self._wait()
        return self._counted(super().read(size))

    def readline(self) -> bytes:
        self._wait()
        return self._counted(super().readline())

    def send(self, data: Buffer) -> None:
        self._wait()
        super().send(data)

    def _wait(self) -> None:
        if self.sock is not None:
            self.sock.settimeout(_left(self._until))

    def _counted(self, piece: bytes) -> bytes:
        self._taken += len(piece)
        if self._taken > MOST_BYTES:
            raise TooMuch(f"more than {MOST_BYTES:,} bytes")
        return piece


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
        self.validity = int(told) if isinstance(told, bytes) and told.isdigit() else 0

    def keeps_seen(self) -> bool:
        """Does the server keep the mark of what was read? To be asked of a mailbox that is open for writing."""
        kept = self._line.response("PERMANENTFLAGS")[1][0]
        # Where it does not say, all flags are kept (RFC 3501, 7.1).
        return kept is None or b"\\seen" in bytes(kept).lower()

    def find(self, message_id: str) -> list[int]:
        """The messages with this Message-ID."""
        return self.search("HEADER", "Message-ID", _quote(message_id))

    def search(self, *criteria: str) -> list[int]:
        """UIDs in their order. The criteria are ours: nothing of a mail is put into them unquoted."""
        answer = self._asked("SEARCH", *criteria)
        return sorted({int(word) for line in answer for word in line.split() if word.isdigit()})

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

    def _let_in(self, line: _Line, password: SecretStr, until: float) -> None:
        if self.username is None:
            raise Refused(f"{self.address}: no `username` is configured.", remedy=self.config_lines)
        if "LOGINDISABLED" in line.capabilities:
            raise Refused(f"{self.address} takes no password on this connection.", remedy='security = "implicit"')
        username = self.username

        def attempt() -> NotLetIn | None:
            try:
                if "AUTH=PLAIN" in line.capabilities:
                    whole = f"\0{username}\0{password.get_secret_value()}".encode()
                    line.authenticate("PLAIN", lambda _: whole)
                else:
                    line.login(username, password.get_secret_value())
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:
                heard = quoted(_text(error.args[0] if error.args else ""), password.get_secret_value())
                return NotLetIn(
                    f"{self.address} refuses the login of {username}: {heard}.",
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
        except (imaplib.IMAP4.error, TooMuch) as error:
            told = _text(error.args[0] if error.args else "")
            raise CannotLook(f"{self.address} does not speak IMAP as it should: {quoted(told)}.") from None


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _quote(text: str) -> str:
    if not text.isprintable() or not text.isascii():
        raise ValueError("only printable ASCII is put into a command")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))


def _moved(told: bytes) -> Moved:
    """What COPYUID says (RFC 4315): a validity, the old numbers, and the new ones in the same order."""
    words = told.decode("ascii", "replace").split()
    if len(words) != 3 or not words[0].isdigit():
        return Moved(uids={}, validity=None)
    old, new = _numbers(words[1]), _numbers(words[2])
    return Moved(uids=dict(zip(old, new, strict=False)), validity=int(words[0]))


def _numbers(text: str) -> list[int]:
    """`3:5,7` as 3, 4, 5, 7; no more than were moved at most."""
    found: list[int] = []
    for piece in text.split(","):
        first, _, last = piece.partition(":")
        if first.isdigit() and (last or first).isdigit():
            low, high = sorted((int(first), int(last or first)))
            found += range(low, min(high + 1, low + MOST_MOVED - len(found)))
    return found


def _said(answer: object) -> str:
    first = answer[0] if isinstance(answer, list | tuple) and answer else ""
    return quoted(_text(first))


def _text(told: object) -> str:
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
