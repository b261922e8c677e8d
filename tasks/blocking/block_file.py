"""A block list in a file that a server reads: our lines carry until when they count, and all others are let be."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks import lone_file
from tasks.logs.origin import Network, written
from tasks.model import CannotLook, Refused

# Behind an address; nginx, Apache and most lists take it for a comment.
_OURS = re.compile(r"# incident from (\d{10}) until (\d{10})$")
WORD = re.compile(r"[0-9a-fA-F.:]{3,45}(?:/\d{1,3})?")
LARGEST = 4 * 2**20


@dataclass(frozen=True, kw_only=True)
class Block:
    """A network that is blocked, from when until when, in Unix time; None where it is not ours, or ends by itself."""

    network: Network
    since_s: float | None = None
    until_s: float | None = None

    @property
    def is_over(self) -> bool:
        return self.until_s is not None and self.until_s <= time.time()


def blocks(file: Path) -> list[Block]:
    """What the file blocks.

    Raises:
        Refused: it cannot be read, or is too large to be a block list.
    """
    return [block for line in _lines(file) for block in _blocks_of(line)]


def add(file: Path, pattern: str, new: Sequence[Block]) -> None:
    """Write a line for each, by `pattern`, in one step; a line of ours about the same network is replaced.

    Raises:
        CannotLook: somebody else writes it right now. Refused: it cannot be written.
    """
    lines = [
        f"{pattern.replace('{address}', str(one.network))} # incident from {one.since_s or 0:010.0f} "
        f"until {one.until_s or 0:010.0f}"
        for one in new
    ]
    _rewrite(file, lambda now: [*_without(now, {one.network for one in new}), *lines])


def remove(file: Path, networks: Sequence[Network]) -> None:
    """Take our lines about these networks out; those of others stay.

    Raises:
        CannotLook: somebody else writes it right now. Refused: it cannot be written.
    """
    _rewrite(file, lambda now: _without(now, set(networks)))


def _without(lines: Sequence[str], networks: set[Network]) -> list[str]:
    return [line for line in lines if not (_OURS.search(line) and {one.network for one in _blocks_of(line)} & networks)]


def _blocks_of(line: str) -> Iterator[Block]:
    ours = _OURS.search(line)
    bare = (line[: ours.start()] if ours else line.partition("#")[0]).strip()
    for word in WORD.findall(bare):
        if (network := written(word)) is not None:
            since_s, until_s = (float(ours[1]), float(ours[2])) if ours else (None, None)
            yield Block(network=network, since_s=since_s, until_s=until_s)


def _lines(file: Path) -> list[str]:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise Refused(
            f"The block list {file} cannot be read: {error.strerror}.",
            remedy=f"Make it once, and let whoever runs this write it: touch {file}",
        ) from None
    if len(content) > LARGEST:
        raise Refused(f"The block list {file} is larger than {LARGEST:,} bytes.", remedy="Name another file.")
    return content.decode("utf-8", "surrogateescape").splitlines()


def _rewrite(file: Path, change: Callable[[list[str]], list[str]]) -> None:
    remedy = f"Let whoever runs this write it and in {file.parent}."
    try:
        # Two of us at once would each write back what the other has not written yet.
        with lone_file.alone(file.with_name(f"{file.name}.lock")):
            was = _lines(file)
            now = change(was)
            if now != was:
                content = "".join(f"{line}\n" for line in now).encode("utf-8", "surrogateescape")
                lone_file.replace(file, content, file.stat())
    except BlockingIOError:
        raise CannotLook(f"Somebody else writes {file} right now.", remedy="Try again.") from None
    except OSError as error:
        raise Refused(f"The block list {file} cannot be written: {error.strerror}.", remedy=remedy) from None
