"""A message taken apart: its headers and its MIME parts, however it was written, within limits that are ours.

Python's own parser has none: it tests each line against every multipart that is open, and reads parameters of any
length. What comes into a mailbox, or out of a template with a stranger's words in it, may be made to use that. Nothing
in here looks at a byte more than a few times.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header

# RFC 5322 allows 998 characters a line. A field that is folded may be longer; no mail server takes one of 8 KiB alone.
LONGEST_FIELD = 8_192
MOST_FIELDS = 300
# A newsletter has three levels: mixed, related, alternative. A bounce has two.
MOST_LEVELS = 8
MOST_PARTS = 100
# RFC 2046, 5.1.1.
LONGEST_BOUNDARY = 70
LONGEST_CHARSET = 40
# Python's names of what is no charset of mails; some of them take time that grows with the square of the length.
_NO_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}

_LINE_END = re.compile(rb"\r\n|\r|\n")
_NO_HEADERS = re.compile(rb"(?:\r\n|\n|\r)")
_HEADERS_END = re.compile(rb"\r\n\r\n|\n\r?\n|\r\r")
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)", re.DOTALL)
_PARAMETER = re.compile(r';\s*([!#-\'*+.0-9A-Z^_`a-z{|}~-]{1,60})=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*+))', re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Header fields in their order, names in small letters, unfolded. `wrong`: what is broken about them."""

    all: tuple[tuple[str, str], ...] = ()
    wrong: tuple[str, ...] = ()

    def first(self, name: str) -> str:
        """The value of the first field of that name as it was written; empty if there is none."""
        return next((value for known, value in self.all if known == name), "")

    def every(self, name: str) -> list[str]:
        return [value for known, value in self.all if known == name]

    def has(self, name: str) -> bool:
        return any(known == name for known, _ in self.all)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a message; `body` as it was sent, still encoded. `kind` is its type, like `text/plain`."""

    fields: Fields
    body: bytes
    default: str = "text/plain"

    @property
    def kind(self) -> str:
        written = self.fields.first("content-type").partition(";")[0].strip().lower()
        return written if re.fullmatch(r"[!#-.0-9^-~]{1,60}/[!#-.0-9^-~]{1,80}", written) else self.default

    @property
    def is_multipart(self) -> bool:
        return self.kind.startswith("multipart/")

    @property
    def attached(self) -> bool:
        return self.fields.first("content-disposition").strip().lower().startswith("attachment")

    def parameter(self, name: str) -> str:
        """A parameter of its Content-Type; empty if there is none."""
        for found in _PARAMETER.finditer(self.fields.first("content-type")):
            if found[1].lower() == name:
                return re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3]
        return ""

    def decoded(self) -> tuple[bytes, str]:
        """Its body without its transfer encoding, and what is broken about that; empty if nothing."""
        encoding = self.fields.first("content-transfer-encoding").strip().lower()
        if encoding == "quoted-printable":
            return quopri.decodestring(self.body), ""
        if encoding == "base64":
            return _base64(self.body)
        known = encoding in ("", "7bit", "8bit", "binary")
        return self.body, "" if known else f"an unknown Content-Transfer-Encoding in {self.kind}"

    def text(self) -> tuple[str, tuple[str, ...]]:
        """Its body as text, and all that is broken about it. What cannot be read becomes the mark for that."""
        content, broken = self.decoded()
        wrong = [broken] if broken else []
        charset = self.parameter("charset") or "utf-8"
        codec = _codec(charset)
        if codec is None:
            wrong.append(f"an unknown charset in {self.kind}")
            codec = "utf-8"
        try:
            text = content.decode("utf-8" if codec == "ascii" else codec)
        except UnicodeError:
            wrong.append(f"bytes in {self.kind} that are not of its charset")
            text = content.decode(codec, errors="replace")
        return text, tuple(wrong)


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message and all its parts, from outside in. What is attached as a message is one part, not looked into.

    `wrong` says what is broken about how it is put together.
    """

    fields: Fields
    parts: tuple[Part, ...]
    wrong: tuple[str, ...]

    @property
    def root(self) -> Part:
        return self.parts[0]

    def of_kind(self, *kinds: str) -> Iterator[Part]:
        return (part for part in self.parts if part.kind in kinds)


@dataclass(kw_only=True)
class _Walk:
    whole: bool
    parts: list[Part] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, part: Part, level: int) -> None:
        self.parts.append(part)
        self.wrong += part.fields.wrong
        if not part.is_multipart:
            return
        boundary = part.parameter("boundary")
        if not 0 < len(boundary) <= LONGEST_BOUNDARY:
            self.wrong.append(f"{part.kind} without a boundary of 1 to {LONGEST_BOUNDARY} characters")
            return
        if level == MOST_LEVELS:
            self.wrong.append(f"parts within parts on more than {MOST_LEVELS} levels")
            return
        self._inside(part, boundary, level)

    def _inside(self, part: Part, boundary: str, level: int) -> None:
        mark = re.escape(boundary.encode(errors="replace"))
        lines = re.compile(rb"^--" + mark + rb"(--)?[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
        begin, closed, found = None, False, 0
        default = "message/rfc822" if part.kind == "multipart/digest" else "text/plain"
        for line in lines.finditer(part.body):
            if begin is not None:
                found += 1
                if not self._one(part.body[begin : line.start()], default, level):
                    return
            begin, closed = line.end(), bool(line[1])
            if closed:
                break
        if begin is not None and not closed:
            found += 1
            self._one(part.body[begin:], default, level)
        if not closed and self.whole:
            self.wrong.append(f"{part.kind} that is never closed")
        if not found and (closed or self.whole):
            self.wrong.append(f"{part.kind} with nothing in it")

    def _one(self, raw: bytes, default: str, level: int) -> bool:
        if len(self.parts) == MOST_PARTS:
            self.wrong.append(f"more than {MOST_PARTS} parts")
            return False
        # The line break in front of a boundary belongs to the boundary.
        fields, body = headers_and_body(raw.removesuffix(b"\n").removesuffix(b"\r"))
        self.add(Part(fields=fields, body=body, default=default), level + 1)
        return True


def taken_apart(raw: bytes, *, whole: bool = True) -> Message:
    """`raw` as a message. With `whole=False` it is the beginning of one, and what is missing at its end is no fault."""
    fields, body = headers_and_body(raw)
    walk = _Walk(whole=whole)
    walk.add(Part(fields=fields, body=body), 1)
    return Message(fields=fields, parts=tuple(walk.parts), wrong=tuple(dict.fromkeys(walk.wrong)))


def headers_and_body(raw: bytes) -> tuple[Fields, bytes]:
    """Header fields up to the first empty line, and what follows it."""
    if first := _NO_HEADERS.match(raw):
        return Fields(), raw[first.end() :]
    end = _HEADERS_END.search(raw)
    return fields_of(raw[: end.start()] if end else raw), raw[end.end() :] if end else b""


def fields_of(block: bytes) -> Fields:
    """The fields of one block, unfolded; of each, the first `LONGEST_FIELD` characters."""
    found: list[list[bytes]] = []
    wrong: list[str] = []
    for line in _LINE_END.split(block):
        if line[:1] in (b" ", b"\t") and found:
            found[-1].append(line.strip())
        elif line and len(found) == MOST_FIELDS:
            wrong.append(f"more than {MOST_FIELDS} header fields")
            break
        elif _FIELD.match(line):
            found.append([line])
        # mbox files and some pipes leave the envelope's line in front.
        elif line.strip() and not (line.startswith(b"From ") and not found):
            wrong.append("a line among the headers that is no header")
    fields: list[tuple[str, str]] = []
    for lines in found:
        unfolded = b" ".join(lines)
        if len(unfolded) > LONGEST_FIELD:
            wrong.append(f"a header field longer than {LONGEST_FIELD:,} characters")
        if taken := _FIELD.match(unfolded[:LONGEST_FIELD]):
            fields.append((taken[1].decode("ascii").lower(), taken[2].decode("utf-8", errors="replace").strip()))
    return Fields(all=tuple(fields), wrong=tuple(dict.fromkeys(wrong)))


def spoken(value: str) -> str:
    """A header's value with its encoded words (RFC 2047) read; as it is, where they cannot be.

    Python writes any URL of 80 characters or more that way, in List-Unsubscribe too.
    """
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value[:LONGEST_FIELD])))
    except (HeaderParseError, LookupError, UnicodeError, binascii.Error):
        return value


def _base64(body: bytes) -> tuple[bytes, str]:
    bare = b"".join(body.split())
    # Of a part that was cut off, the last letters are no whole byte.
    taken = bare[: len(bare) - len(bare) % 4]
    try:
        return base64.b64decode(taken, validate=True), "base64 that ends too early" if len(taken) < len(bare) else ""
    except binascii.Error:
        return b"", "base64 that is none"


def _codec(charset: str) -> str | None:
    if len(charset) > LONGEST_CHARSET:
        return None
    try:
        codec = codecs.lookup(charset)
        "".encode(codec.name)
    except (LookupError, ValueError):
        return None
    return None if codec.name.replace("-", "_") in _NO_CHARSETS else codec.name
