"""What was written since the last look: across rotation, once each, and never more than there is room for."""

from __future__ import annotations

import lzma
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from tasks.logs.entries import LONGEST_LINE
from tasks.logs.generations import Generation, before, opened, written_to
from tasks.logs.moments import moment_in
from tasks.logs.position import TAIL_BYTES, Position, head_of, mark, tail_of
from tasks.model import CannotLook

# A hundred lines or so: small enough that most hold no error, and are passed over as a whole.
CHUNK_BYTES = 2**15
# For finding an hour ago in gigabytes: so much is read at each place that is tried.
PROBE_BYTES = 2**15
# How often it is looked again for what is lost, and how many generations are looked at for it.
TRIES = 3
MOST_TURNED = 100
# Of a line, to find its time.
LOOKED_AT = 1000
UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError)
# Unpacked at most of what was packed since the last look.
MOST_UNPACKED = 2**28


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a generation, in bytes. `aligned`: it begins with a line; `over`: nobody writes behind its end.

    Of a packed one, blocks that end before `since_s` (Unix time) are passed over: it cannot be entered in the middle.
    """

    file: IO[bytes]
    generation: Generation
    begin: int
    end: int | None
    aligned: bool = True
    over: bool = False
    since_s: float = 0.0

    @property
    def size(self) -> int:
        """What is to be read of it; of what is packed nobody knows before."""
        return self.end - self.begin if self.end is not None else 0


@dataclass
class News:
    """The new lines of one log, whose files stay open: by their names they may be others in a moment.

    After `blocks` was read to its end, `position` is where the next look begins. `skipped` bytes were passed over;
    `lost`: what was read last time is nowhere any more, nor what came right after it.
    """

    at_s: float
    since_s: float
    pieces: list[Piece]
    first: bool
    skipped: int = 0
    lost: bool = False
    follows_error: bool = False
    _open: ExitStack = field(default_factory=ExitStack, repr=False)
    _head: bytes = field(default=b"", repr=False)
    _tail: bytes = field(default=b"", repr=False)
    _reached: int = field(default=0, repr=False)

    @property
    def size(self) -> int:
        """Bytes that are there to be read, without what is packed."""
        return sum(piece.size for piece in self.pieces)

    def close(self) -> None:
        self._open.close()

    def blocks(self) -> Iterator[bytes]:
        """Whole lines, many at once, without the last one's end. What has no end yet comes next time.

        Raises:
            CannotLook: what is written to now cannot be read.
        """
        for piece in self.pieces:
            try:
                yield from self._split(piece)
            except UNREADABLE as error:
                if not piece.over:
                    raise CannotLook(f"{piece.generation.path} cannot be read: {error}.") from None
                self.lost = True  # a packed one that is not whole; what came after it is there

    def position(self, *, broken_off: bool) -> Position:
        """Where the next look begins."""
        return Position(
            offset=self._reached,
            head=mark(self._head),
            head_bytes=len(self._head),
            tail=mark(self._tail),
            identity=self.pieces[-1].generation.identity,
            at_s=self.at_s,
            broken_off=broken_off,
        )

    def _split(self, piece: Piece) -> Iterator[bytes]:
        # Marked before it is read: it may be emptied meanwhile.
        self._head = head_of(piece.file, piece.generation.size)
        self._tail = behind = tail_of(piece.file, piece.begin) if piece.end is not None else b""
        piece.file.seek(piece.begin)
        left = MOST_UNPACKED if piece.end is None else piece.end - piece.begin
        kept, whole = b"", piece.aligned
        self._reached = at = piece.begin
        while left > 0 and (chunk := piece.file.read(min(CHUNK_BYTES, left))):
            left, at = left - len(chunk), at + len(chunk)
            end = chunk.rfind(b"\n") + 1
            if end:
                block = kept + chunk[: end - 1]
                if not piece.since_s or not _ended_before(block, piece.since_s):
                    yield block if whole else block.partition(b"\n")[2]
                kept, whole = b"", True
                self._reached = at - len(chunk) + end
                self._tail = _last(behind, chunk, end)
            behind = _last(behind, chunk, len(chunk))
            kept = (kept + chunk[end:])[:LONGEST_LINE]
        if piece.over and kept and whole:
            yield kept
        if not piece.over and at - self._reached > LONGEST_LINE:
            self._reached, self._tail = at, behind  # a line that does not end is not read again and again


def _last(behind: bytes, chunk: bytes, end: int) -> bytes:
    """The last bytes before `end` of `chunk`, and of what stood before it; without a copy of the whole."""
    return chunk[end - TAIL_BYTES : end] if end >= TAIL_BYTES else (behind + chunk[:end])[-TAIL_BYTES:]


def news(path: Path, told: Position | None, *, first_look_s: float, most_bytes: int) -> News:
    """What there is to read of the log at `path`, whose last look ended at `told`. To be closed.

    Raises:
        CannotLook, Refused: it is not there, or may not be read.
    """
    found = _found(path, told, first_look_s, most_bytes)
    for _ in range(TRIES):
        if not found.lost:
            break
        # It may be being turned at this very moment.
        found.close()
        found = _found(path, told, first_look_s, most_bytes)
    return found


def _found(path: Path, told: Position | None, first_look_s: float, most_bytes: int) -> News:
    at_s = time.time()
    with ExitStack() as stack:
        file, now = stack.enter_context(opened(written_to(path).path))
        if told is None:
            since_s = at_s - first_look_s
            piece = _since(file, now, since_s)
            found = News(at_s=at_s, since_s=since_s, pieces=[piece], first=True)
            if not piece.begin:
                _reach_back(found, path, stack)
        elif told.fits(file, now.identity):
            piece = Piece(file=file, generation=now, begin=told.offset, end=now.size)
            found = News(at_s=at_s, since_s=told.at_s, pieces=[piece], first=False)
        else:
            piece = Piece(file=file, generation=now, begin=0, end=now.size)
            older = _older(path, now, told, stack)
            found = News(at_s=at_s, since_s=told.at_s, pieces=[*older, piece], first=False, lost=not older)
        found.follows_error = told is not None and told.broken_off
        found = _bounded(found, most_bytes)
        found._open = stack.pop_all()
    return found


def _older(path: Path, now: Generation, told: Position, stack: ExitStack) -> list[Piece]:
    """What was read before, from there on, and all that was written between it and `now`, the oldest first."""
    later: list[Piece] = []
    in_packed: list[Piece] = []
    for one in before(path, now)[:MOST_TURNED]:
        try:
            file, real = stack.enter_context(opened(one.path))
            known = {now.identity, *(piece.generation.identity for piece in later)}
            # A packed one would have to be unpacked up to there: it is, while it is read.
            fits = told.begins(file, real.identity) if real.is_packed else told.fits(file, real.identity)
        except (CannotLook, *UNREADABLE):
            continue
        end = None if real.is_packed else real.size
        if fits:
            in_packed = [Piece(file=file, generation=real, begin=told.offset, end=end, over=True), *later[::-1]]
            if not real.is_packed:
                return in_packed
            continue  # while it is being packed, it lies there plain, too, and only that one is whole
        if real.identity not in known:
            later.append(Piece(file=file, generation=real, begin=0, end=end, over=True))
    return in_packed


def _since(file: IO[bytes], generation: Generation, since_s: float, *, over: bool = False) -> Piece:
    begin = _offset_of(file, generation.size, since_s)
    return Piece(file=file, generation=generation, begin=begin, end=generation.size, aligned=begin == 0, over=over)


def _reach_back(found: News, path: Path, stack: ExitStack) -> None:
    """Put before a file that was begun since then what was written before it, as far as that is since then, too."""
    newest = found.pieces[0]
    begun_s = _moment_at(newest.file, 0)
    if newest.generation.size and (begun_s is None or begun_s <= found.since_s):
        return
    beside = [one for one in before(path, newest.generation)[:MOST_TURNED] if one.changed_s >= found.since_s]
    plain = {one.path for one in beside if not one.is_packed}
    for one in beside:
        if one.is_packed and one.path.with_suffix("") in plain:
            continue  # it is being packed, and only the plain one is whole
        try:
            file, real = stack.enter_context(opened(one.path))
            if real.is_packed:
                begun_s = _moment_at(file, 0)
                piece = Piece(file=file, generation=real, begin=0, end=None, over=True, since_s=found.since_s)
                found.skipped += max(0, _unpacked_size(one.path) - MOST_UNPACKED)
            else:
                piece = _since(file, real, found.since_s, over=True)
                begun_s = None if piece.begin else _moment_at(file, 0)
        except (CannotLook, *UNREADABLE):
            found.lost = True
            return
        found.pieces.insert(0, piece)
        if begun_s is None or begun_s <= found.since_s:
            return


def _unpacked_size(path: Path) -> int:
    """What gzip says at the end of its file, of which it keeps 32 bits; of others nothing is known."""
    if path.suffix != ".gz":
        return 0
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def _ended_before(block: bytes, at_s: float) -> bool:
    for line in reversed(block[-PROBE_BYTES:].split(b"\n")):
        told_s = moment_in(line[:LOOKED_AT].decode("utf-8", "replace"))
        if told_s is not None:
            return told_s < at_s
    return False


def _bounded(found: News, most_bytes: int) -> News:
    """Leave the oldest out, where there is more than `most_bytes`. Of what is packed nobody knows before how much."""
    left, kept = most_bytes, []
    for piece in reversed(found.pieces):
        size = piece.size
        if size > left and piece.end is not None:
            found.skipped += size - left
            piece = replace(piece, begin=piece.end - left, aligned=False)
        if left > 0:
            kept.append(piece)
        left -= min(size, left)
    found.pieces = kept[::-1]
    return found


def _offset_of(file: IO[bytes], size: int, at_s: float) -> int:
    """Where lines of `at_s` and later begin, found by halving; the end, if lines carry no time to judge them by."""
    last = max(0, size - PROBE_BYTES)
    if size and _moment_at(file, last) is None and _moment_at(file, 0) is None:
        return size
    low, high = 0, size
    while high - low > PROBE_BYTES:
        middle = (low + high) // 2
        told = _moment_at(file, middle)
        if told is None:
            # No time within reach: further on there may be some, and too much is read rather than too little.
            high = middle
        elif told < at_s:
            low = middle
        else:
            high = middle
    return low


def _moment_at(file: IO[bytes], offset: int) -> float | None:
    file.seek(offset)
    for line in file.read(PROBE_BYTES).split(b"\n")[bool(offset) :]:
        told_s = moment_in(line[:LOOKED_AT].decode("utf-8", "replace"))
        if told_s is not None:
            return told_s
    return None
