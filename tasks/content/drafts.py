"""Messages as they would be sent, read for what we ask of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tasks.amounts import size
from tasks.content import links
from tasks.content.markup import LONGEST_BODY, Link, Page, page
from tasks.content.system import Content, Written
from tasks.excerpt import excerpt
from tasks.mail.parts import Message, spoken, taken_apart
from tasks.model import Refused, Verdict

# No further message is read after it: below what a question has (`Check.limit`).
READ_WITHIN_S = 6.0
# RFC 5322, 2.1.1; a server that keeps to it breaks a longer line where it likes.
LONGEST_LINE = 998
LONGEST_NAME = 80


@dataclass(frozen=True)
class Draft:
    """One message. `raw` is what was read of it; `whole`: that is all."""

    name: str
    raw: bytes
    whole: bool

    @cached_property
    def message(self) -> Message:
        return taken_apart(self.raw, whole=self.whole)

    @cached_property
    def subject(self) -> str:
        return spoken(self.message.fields.first("subject"))

    @cached_property
    def _bodies(self) -> tuple[str, str, tuple[str, ...]]:
        """Plain text, HTML, and what is broken about them."""
        texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
        wrong: list[str] = []
        for part in self.message.of_kind(*texts):
            if not part.attached:
                content, broken = part.text()
                texts[part.kind].append(content)
                # Of a message that was cut off, the last part ends too early.
                wrong += broken if self.whole else ()
        return "\n".join(texts["text/plain"]), "\n".join(texts["text/html"]), tuple(wrong)

    @property
    def text(self) -> str:
        """Its plain text: the first `LONGEST_BODY` characters."""
        return self._bodies[0][:LONGEST_BODY]

    @property
    def html(self) -> str:
        return self._bodies[1][:LONGEST_BODY]

    @property
    def has_html(self) -> bool:
        return bool(self._bodies[1])

    @cached_property
    def page(self) -> Page:
        return page(self.html)

    @property
    def cut(self) -> bool:
        """Was not all of it read?"""
        return not self.whole or any(len(body) > LONGEST_BODY for body in self._bodies[:2]) or self.page.more_links

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or self.page.text or self.page.images)

    @property
    def links(self) -> list[Link]:
        """Of its HTML; where it has none, of its text."""
        return self.page.links if self.has_html else links.in_text(self.text)

    @property
    def wrong(self) -> tuple[str, ...]:
        """What is broken about how it is written, in words, each once."""
        found = [*self.message.wrong, *self._bodies[2]]
        if self.has_html and not self.page.closed and not self.cut:
            found.append("HTML that ends within a tag")
        if max(map(len, self.raw.splitlines()), default=0) > LONGEST_LINE:
            found.append(f"a line longer than {LONGEST_LINE} characters")
        if not self.message.fields.first("from"):
            found.append("no From")
        if len(self.message.fields.every("from")) > 1:
            found.append("more than one From")
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """The newest messages of the folder; `left_out` were not looked at."""

    all: Sequence[Draft]
    left_out: int
    most_bytes: int

    @property
    def cut(self) -> int:
        return sum(draft.cut for draft in self.all)

    def at_least(self, verdict: Verdict) -> Verdict:
        """What was not read is not well."""
        return max(verdict, Verdict.WARN) if self.cut or self.left_out else verdict

    @property
    def unread(self) -> str:
        """What was not read, as sentences; empty if all was."""
        cut = (
            f" Too long, of which only the first {LONGEST_BODY:,} characters of a body or {size(self.most_bytes)} of a "
            f"message were read: {self.cut:,}."
        )
        return (cut if self.cut else "") + (f" Not looked at: {self.left_out:,}." if self.left_out else "")


def drafts(content: Content) -> Drafts:
    """The newest messages, as many as there is time for.

    Raises:
        CannotLook: the folder may not be read. Refused: it holds none.
    """
    written, left_out = content.written()
    if not written:
        raise Refused(
            f"{content.folder} holds no message: no file there ends in .eml.",
            remedy="Let the application write a message of each template there, as it would be sent.",
        )
    until = time.monotonic() + READ_WITHIN_S
    read: list[Draft] = []
    for done, one in enumerate(written):
        if time.monotonic() > until:
            left_out += len(written) - done
            break
        found = _draft(content, one)
        if found:
            # Read here, so that it counts.
            _ = found.page
            read.append(found)
    return Drafts(all=read, left_out=left_out, most_bytes=content.most_bytes)


def _draft(content: Content, written: Written) -> Draft | None:
    opened = content.opened(written)
    return opened and Draft(excerpt(written.path.name, LONGEST_NAME), *opened)
