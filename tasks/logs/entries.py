"""Lines that belong together, as one: an error and its trace are one error, however many lines they have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tasks.logs.hint import Hint
from tasks.logs.line import Line, read

# What goes on with what stands above it. By beginnings, not by an expression: each of a million lines is looked at.
_GOES_ON = (
    b" ", b"\t", b"\r", b"}", b"Caused by: ", b"... ", b"During handling of the above", b"The above exception was",
    b"goroutine ", b"created by ", b"exit status ",
)  # fmt: skip
_CHAINED = (b"During handling of the above", b"The above exception was")
# The last line of Python's traces, which is not indented.
_NAMED = re.compile(rb"[A-Za-z_][\w.]*(?::|$)")
_PYTHON = "Traceback "
# Of a longer line the rest is passed over: no person reads it, and a hostile one has no end.
LONGEST_LINE = 2**16
# A trace as one field of a line would hold a book.
MOST_NAMED = 500


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line and what belongs to it. `thrown` is the exception its trace names, where it has one."""

    line: Line
    thrown: str = ""

    @property
    def text(self) -> str:
        """What it says, in one sentence: what was thrown says more than that something was."""
        if not self.thrown or self.thrown in self.line.text:
            return self.line.text
        return self.thrown if self.line.text.startswith(_PYTHON) else f"{self.line.text}: {self.thrown}"


class Entries:
    """Of the lines in `blocks` those that `hint` says something of, each with its trace.

    The others only end what came before them. `follows_error`: the last line before these was an error, to which a
    trace at their beginning belongs. After the last one, `broken_off` says the same to whoever reads on.
    """

    def __init__(self, blocks: Iterable[bytes], hint: Hint, *, follows_error: bool = False) -> None:
        self._blocks, self._hint = blocks, hint
        self._waiting: Entry | None = Entry(line=Line(text="")) if follows_error else None
        self._is_ours = not follows_error
        # Within a trace of Python's, and right before one that tells what the last one was caused by.
        self._in_python = self._chained = False

    @property
    def broken_off(self) -> bool:
        return self._waiting is not None and _may_throw(self._waiting)

    def __iter__(self) -> Iterator[Entry]:
        for block in self._blocks:
            hint = self._hint.within(block)
            if hint is None and self._waiting is None:
                continue
            yield from self._of(block, hint)
        if self._waiting is not None and self._is_ours:
            yield self._waiting

    def _of(self, block: bytes, hint: Hint | None) -> Iterator[Entry]:
        for raw in block.split(b"\n"):
            of_use = hint is not None and hint(raw)
            if self._waiting is None and not of_use:
                continue  # nearly all of them
            if not raw or raw.startswith(_GOES_ON):
                self._chained = self._chained or raw.startswith(_CHAINED)
            elif not self._goes_on(raw, of_use=of_use):
                if self._waiting is not None and self._is_ours:
                    yield self._waiting
                self._begin(raw, of_use=of_use)

    def _goes_on(self, raw: bytes, *, of_use: bool) -> bool:
        """Does it belong to what stands above it, though it is not indented?"""
        if self._in_python and _NAMED.match(raw):
            self._in_python = False
            self._waiting = _with_thrown(self._waiting, raw)
            return True
        if self._waiting is None or not (self._chained or _may_throw(self._waiting)) or not of_use:
            return False
        line = read(raw[:LONGEST_LINE])
        if not line.thrown or line.has_head:
            return False
        self._in_python, self._chained = line.text.startswith(_PYTHON), False
        if not self._in_python:
            self._waiting = _with_thrown(self._waiting, raw)
        return True

    def _begin(self, raw: bytes, *, of_use: bool) -> None:
        line = read(raw[:LONGEST_LINE]) if of_use else None
        self._waiting, self._is_ours = (Entry(line=line) if line is not None else None), True
        self._in_python = line is not None and line.thrown and line.text.startswith(_PYTHON)
        self._chained = False


def _may_throw(entry: Entry) -> bool:
    """Is what is thrown right behind it the trace of what it says, and not an error of its own?"""
    return entry.line.text == "" or (entry.line.is_error and not entry.thrown)


def _with_thrown(entry: Entry | None, raw: bytes) -> Entry | None:
    return entry and replace(entry, thrown=raw[:MOST_NAMED].decode("utf-8", "replace").strip())
