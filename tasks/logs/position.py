"""How far a log has been read, known again after it was renamed, copied, packed or cut off.

By content: device and inode tell a renamed file from a new one, but not a copy (copytruncate), nor a packed one.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import IO

from tasks.model import Json, Row

# Enough to hold a line's time; logs of one service often begin alike.
HEAD_BYTES = 256
TAIL_BYTES = 128


@dataclass(frozen=True, kw_only=True)
class Position:
    """`offset` bytes of a file were read, up to `at_s` (Unix time).

    `head` marks its first `head_bytes` bytes, `tail` those right before the offset. `broken_off`: what was read last
    was an error, whose trace may follow.
    """

    offset: int
    head: str
    head_bytes: int
    tail: str
    identity: str
    at_s: float
    broken_off: bool = False

    @property
    def facts(self) -> Row:
        return asdict(self)

    @classmethod
    def told(cls, facts: Json) -> Position | None:
        """What earlier facts hold; None if they hold no such thing."""
        if not isinstance(facts, dict):
            return None
        try:
            return cls(
                offset=int(facts["offset"]),
                head=str(facts["head"]),
                head_bytes=int(facts["head_bytes"]),
                tail=str(facts["tail"]),
                identity=str(facts["identity"]),
                at_s=float(facts["at_s"]),
                broken_off=facts.get("broken_off") is True,
            )
        except (KeyError, TypeError, ValueError):
            return None

    def begins(self, file: IO[bytes], identity: str) -> bool:
        """Does `file` begin like the one that was read? Of one that was empty then, only its identity tells."""
        if not self.head_bytes:
            return self.identity == identity
        file.seek(0)
        return mark(file.read(self.head_bytes)) == self.head

    def fits(self, file: IO[bytes], identity: str) -> bool:
        """Is `file` the one that was read, with all that was read still in it?"""
        return self.begins(file, identity) and self.tail == mark(tail_of(file, self.offset))


def head_of(file: IO[bytes], size: int) -> bytes:
    """The bytes by which a file of `size` is known again."""
    file.seek(0)
    return file.read(min(HEAD_BYTES, size))


def tail_of(file: IO[bytes], offset: int) -> bytes:
    """The bytes right before `offset`."""
    begin = max(0, offset - TAIL_BYTES)
    file.seek(begin)
    return file.read(offset - begin)


def mark(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
