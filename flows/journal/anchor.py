"""Anchors: the newest seal, written where whoever owns the database cannot reach it.

A seal that was rewritten, or an older backup that was restored, no longer fits them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flows.journal.seal import Seal


class NotAnchors(Exception):
    """A place does not hold anchors, or holds others; the message says where, and what to do."""


class CannotAnchor(Exception):
    """A place does not answer, or refuses; the message says which, and what to do. Never holds a key."""


class Anchored(Protocol):
    """Anchors that can be read."""

    @property
    def shown(self) -> str:
        """Where they are, as a person may read it."""
        ...

    def anchors(self) -> Mapping[int, str]:
        """The hashes of the anchored seals, by number; of a place that is not there yet, none.

        Raises:
            NotAnchors: something there is no anchor, or two of them contradict each other.
            CannotAnchor: it cannot be read.
        """
        ...


class Place(Anchored, Protocol):
    """Where anchors are kept."""

    def anchor(self, seal: Seal) -> bool:
        """Add the seal unless it is there already; was it added? Nothing that is there is ever changed.

        Raises:
            NotAnchors: the place holds something else, or another seal of that number.
            CannotAnchor: it cannot be written.
        """
        ...


def gathered(
    places: Sequence[Anchored], unread: Callable[[Anchored, CannotAnchor], object] | None = None
) -> Mapping[int, str]:
    """The anchors of all places; `unread`, if given, is told of each that cannot be read, and the others still count.

    Raises:
        NotAnchors: two places contradict each other, or one is none.
        CannotAnchor: one cannot be read, and nobody wants to be told.
    """
    found: dict[int, str] = {}
    for place in places:
        try:
            there = place.anchors()
        except CannotAnchor as error:
            if unread is None:
                raise
            unread(place, error)
            continue
        for seal, hashed in there.items():
            _keep(found, seal, hashed, place.shown)
    return found


def line_of(seal: Seal) -> str:
    """The anchor of a seal, as it is kept."""
    return json.dumps({"seal": seal.seal, "at": seal.at, "hash": seal.hash})


def parsed(line: str, where: str) -> tuple[int, str]:
    """Number and hash of an anchored seal.

    Raises:
        NotAnchors: the line is no anchor.
    """
    try:
        told = json.loads(line)
        return int(told["seal"]), str(told["hash"])
    except (ValueError, TypeError, KeyError) as error:
        raise NotAnchors(f"{where}: no anchor: {error}. Remove the line if a crash cut it off.") from None


@dataclass(frozen=True)
class AnchorFile:
    """A file with one JSON object a line, only ever added to.

    A file system that allows nothing else (chattr +a, a write-once share) is a good place.
    """

    file: Path

    @property
    def shown(self) -> str:
        return str(self.file)

    def anchor(self, seal: Seal) -> bool:
        if _fits(self.anchors(), seal, self.shown):
            return False
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with os.fdopen(os.open(self.file, flags, 0o600), "a", encoding="utf-8") as out:
                out.write(line_of(seal) + "\n")
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise CannotAnchor(f"{self.shown}: cannot be written: {error.strerror}.") from error
        return True

    def anchors(self) -> Mapping[int, str]:
        try:
            text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        except OSError as error:
            raise CannotAnchor(f"{self.shown}: cannot be read: {error.strerror}.") from error
        found: dict[int, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{self.shown}, line {number}"
            _keep(found, *parsed(line, where), where)
        return found


@dataclass(frozen=True)
class Told:
    """One anchor that somebody read off a message: `42:6f1c…`."""

    text: str

    @property
    def shown(self) -> str:
        return f"the anchor {self.text[:20]}…"

    def anchors(self) -> Mapping[int, str]:
        seal, _, hashed = self.text.partition(":")
        return {int(seal): hashed}


def is_told(text: str) -> bool:
    """Is it a seal's number and hash, not a file?"""
    return re.fullmatch(r"[0-9]{1,9}:[0-9a-f]{64}", text) is not None


def _fits(there: Mapping[int, str], seal: Seal, where: str) -> bool:
    """Is the seal there already?"""
    if there.get(seal.seal, seal.hash) != seal.hash:
        raise NotAnchors(contradicting(seal.seal, where))
    return seal.seal in there


def _keep(found: dict[int, str], seal: int, hashed: str, where: str) -> None:
    if found.setdefault(seal, hashed) != hashed:
        raise NotAnchors(contradicting(seal, where))


def contradicting(seal: int, where: str) -> str:
    """What two anchors of one number say."""
    return f"{where}: seal {seal} was anchored with another hash before: the record was written anew between."
