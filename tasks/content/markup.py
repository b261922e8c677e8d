"""The HTML of a mail, read for what we ask of it: its links, its pictures, and its words.

Token by token, in time that grows with its length and no faster. A parser that builds a tree (lexbor, 1.0.2 of
selectolax) takes seconds for pages of ordinary length whose tags are never closed, and nothing can interrupt it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

# Some ten screens of a newsletter; Gmail shows half of it.
LONGEST_BODY = 200_000
MOST_LINKS = 2_000

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,40})")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s=>/\"'<][^\s=>/]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']*)))?")
_REST = re.compile(r"[\s/]*")
# What stands in them is no markup, and is not shown.
_UNSHOWN = {"script", "style", "title", "noframes", "noembed", "iframe", "xmp", "textarea"}


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link: where it leads, and the words that one clicks."""

    target: str
    words: str


@dataclass(kw_only=True)
class Page:
    """What was read of an HTML body. `closed` is False where it ends within a tag or a comment."""

    links: list[Link] = field(default_factory=list)
    images: int = 0
    text: str = ""
    attributes: list[str] = field(default_factory=list)
    closed: bool = True
    more_links: bool = False


@dataclass(kw_only=True)
class _Reading:
    markup: str
    at: int = 0
    page: Page = field(default_factory=Page)
    words: list[str] = field(default_factory=list)
    target: str | None = None
    since: int = 0

    def read(self) -> Page:
        while self.at < len(self.markup):
            begin = self.markup.find("<", self.at)
            if begin < 0:
                self._text(len(self.markup))
                break
            self._text(begin)
            if not self._markup():
                self.page.closed = False
                break
        self._link_ends()
        self.page.text = " ".join("".join(self.words).split())
        return self.page

    def _text(self, end: int) -> None:
        if end > self.at:
            self.words.append(unescape(self.markup[self.at : end]))
        self.at = end

    def _markup(self) -> bool:
        """Pass by what begins here; False where it never ends."""
        for opened, closing in (("<!--", "-->"), ("<!", ">"), ("<?", ">")):
            if self.markup.startswith(opened, self.at):
                return self._past(self.markup.find(closing, self.at + len(opened)), len(closing))
        tag = _TAG.match(self.markup, self.at)
        if tag is None:
            # A bracket that opens nothing is a character like others.
            self.words.append("<")
            self.at += 1
            return True
        attributes, end = self._attributes(tag.end())
        if end < 0:
            return False
        self.at = end
        return self._tag(tag[2].lower(), attributes, ends=bool(tag[1]))

    def _past(self, found: int, length: int) -> bool:
        self.at = found + length
        return found >= 0

    def _attributes(self, at: int) -> tuple[dict[str, str], int]:
        """The attributes from `at` on, and where the tag ends; -1: nowhere."""
        found: dict[str, str] = {}
        while one := _ATTRIBUTE.match(self.markup, at):
            value = next((text for text in one.groups()[1:] if text is not None), "")
            found.setdefault(one[1].lower(), unescape(value).strip())
            at = one.end()
        rest = _REST.match(self.markup, at)
        at = rest.end() if rest else at
        if at >= len(self.markup):
            return found, -1
        if self.markup[at] == ">":
            return found, at + 1
        # A quote out of place, or the next tag within this one: on to where a browser would go on.
        end = self.markup.find(">", at)
        return found, end + 1 if end >= 0 else -1

    def _tag(self, name: str, attributes: dict[str, str], *, ends: bool) -> bool:
        self.words.append(" ")
        if not ends:
            self.page.attributes += (attributes[key] for key in ("href", "src", "alt", "title") if attributes.get(key))
        if name == "a":
            self._link_ends()
            if not ends and "href" in attributes:
                self.target, self.since = attributes["href"], len(self.words)
        elif name == "img" and not ends:
            self.page.images += 1
        elif name in _UNSHOWN and not ends:
            closing = re.compile(rf"</{name}", re.IGNORECASE).search(self.markup, self.at)
            self.at = closing.start() if closing else len(self.markup)
            return closing is not None
        return True

    def _link_ends(self) -> None:
        if self.target is None:
            return
        if len(self.page.links) < MOST_LINKS:
            words = " ".join("".join(self.words[self.since :]).split())
            self.page.links.append(Link(target=self.target, words=words))
        else:
            self.page.more_links = True
        self.target = None


def page(markup: str) -> Page:
    """The first `LONGEST_BODY` characters of `markup`, read."""
    return _Reading(markup=markup[:LONGEST_BODY]).read()
