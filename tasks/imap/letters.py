"""Messages of a mailbox as far as matching needs them: some header fields, read from what an IMAP server fetched."""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_tz

from tasks.mail.addresses import masked
from tasks.mail.parts import Fields, fields_of

WANTED = ("MESSAGE-ID", "IN-REPLY-TO", "REFERENCES", "FROM", "AUTO-SUBMITTED", "CONTENT-TYPE")
# Of one message the server is asked for no more: long threads have some kilobytes of references.
MOST_HEADER = 16_384
# Of one message. Its own thread is what stands last.
MOST_IDS = 20
LONGEST_ID = 250

_ID = re.compile(rf"<([^<>\s]{{1,{LONGEST_ID}}})>")
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_ARRIVED = re.compile(rb'\bINTERNALDATE "([^"]{1,40})"')
_FLAGS = re.compile(rb"\bFLAGS \(([^)]{0,2000})\)")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One message. `arrived_s` is when the server took it, in Unix time; `answers` names what it replies to."""

    uid: int
    arrived_s: float
    seen: bool
    message_id: str = ""
    answers: tuple[str, ...] = ()
    sender: str = ""
    automatic: bool = False

    @property
    def is_reply(self) -> bool:
        """Written by a person to something: neither a bounce nor an absence note."""
        return bool(self.answers) and not self.automatic

    @property
    def mark(self) -> str:
        """Tells it from another message under the same UID, and names nobody."""
        return hashlib.sha256(f"{self.message_id} {self.arrived_s:.0f}".encode()).hexdigest()[:16]


def letters(fetched: Sequence[object]) -> Iterator[Letter]:
    """What a FETCH brought. What is no message of it (flags that changed meanwhile) is left out."""
    for n, piece in enumerate(fetched):
        if not (isinstance(piece, tuple) and len(piece) == 2):
            continue
        after = fetched[n + 1] if n + 1 < len(fetched) else b""
        about = bytes(piece[0]) + b" " + (after if isinstance(after, bytes) else b"")
        uid, arrived, flags = _UID.search(about), _ARRIVED.search(about), _FLAGS.search(about)
        if uid is None or arrived is None:
            continue
        yield _letter(int(uid[1]), _seconds(arrived[1]), b"\\seen" in (flags[1].lower() if flags else b""), piece[1])


def ids_in(text: str) -> tuple[str, ...]:
    """Message ids without their brackets, the last ones of many."""
    return tuple(dict.fromkeys(_ID.findall(text[-MOST_HEADER:])[-MOST_IDS:]))


def _letter(uid: int, arrived_s: float, seen: bool, header: bytes) -> Letter:
    fields = fields_of(bytes(header)[:MOST_HEADER])
    own = ids_in(fields.first("message-id"))
    return Letter(
        uid=uid,
        arrived_s=arrived_s,
        seen=seen,
        message_id=own[0] if own else "",
        answers=tuple(dict.fromkeys((*ids_in(fields.first("references")), *ids_in(fields.first("in-reply-to"))))),
        sender=masked(fields.first("from")),
        automatic=_is_automatic(fields),
    )


def _is_automatic(fields: Fields) -> bool:
    """RFC 3834: what answers by itself says so; a report is of a server."""
    submitted = fields.first("auto-submitted").strip().lower()
    return submitted not in ("", "no") or fields.first("content-type").strip().lower().startswith("multipart/report")


def _seconds(text: bytes) -> float:
    """Unix time; 0 where it cannot be read, which is older than any limit."""
    found = parsedate_tz(text.decode("ascii", "replace").strip().replace("-", " ", 2))
    if found is None:
        return 0.0
    try:
        return float(calendar.timegm(found[:6]) - (found[9] or 0))
    except (ValueError, OverflowError):
        return 0.0
