"""The door to a bounce mailbox: a Maildir on this machine, which is read and never changed."""

from __future__ import annotations

import heapq
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from tasks.amounts import stretch
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System

# Where a delivery is finished (`tmp` is where one is not): unread, and seen by a mail program.
FOLDERS = ("new", "cur")
# A folder of more is listed in seconds only up to here; the files behind it are not seen, and that is said.
MOST_LISTED = 500_000


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("write the whole path: what runs this may be started anywhere")
    return path


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message that lies in the mailbox; `at_s` is when it was delivered, in Unix time."""

    path: Path
    at_s: float


@dataclass(frozen=True, kw_only=True)
class Post:
    """The letters of a time, newest first. `left_out` of them are not among them: they were too many to read."""

    letters: tuple[Letter, ...]
    left_out: int = 0
    more: bool = False


class Bounces(System):
    """Where the mails come back: what your envelope sender's mailbox is delivered into, complaints too.

    Read only: no message is moved, marked or deleted, so that whoever else works through the mailbox still finds it.
    """

    kind: ClassVar[str] = "bounces"
    config_lines: ClassVar[str] = (
        'maildir = "/var/mail/vhosts/example.com/bounces"\n'
        "# How many mails you send a day: with it rates are judged, without it numbers.\n"
        "mails_a_day = 20000"
    )

    maildir: Annotated[Path, AfterValidator(_absolute)]
    # What goes out in `window_s`, scaled from a day, is what bounces are held against.
    mails_a_day: int | None = Field(default=None, ge=1, le=100_000_000)
    window_s: float = Field(default=86_400, ge=60, le=14 * 86_400)
    # An address that bounces again does so with the next campaign, not the same day.
    repeats_s: float = Field(default=14 * 86_400, ge=60, le=90 * 86_400)
    most_messages: int = Field(default=5_000, ge=1, le=100_000)
    # Of one message. The report stands in front of the mail that it returns.
    most_bytes: int = Field(default=256 * 1024, ge=1024, le=8 * 2**20)

    def post(self, within_s: float) -> Post:
        """The letters of the last `within_s` seconds.

        Raises:
            CannotLook: the mailbox is not there, or may not be read.
        """
        since_s = time.time() - within_s
        listed = 0
        recent: dict[str, Letter] = {}
        for entry in self._entries():
            listed += 1
            if listed > MOST_LISTED:
                break
            with suppress(FileNotFoundError):  # read by a mail program meanwhile, which moves it on
                about = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(about.st_mode) and about.st_mtime >= since_s:
                    # One that is moved from `new` to `cur` meanwhile is still the same: its name before the colon.
                    recent[entry.name.partition(":")[0]] = Letter(path=Path(entry.path), at_s=about.st_mtime)
        newest = heapq.nlargest(self.most_messages, recent.values(), key=lambda letter: (letter.at_s, letter.path))
        return Post(letters=tuple(newest), left_out=len(recent) - len(newest), more=listed > MOST_LISTED)

    def opened(self, letter: Letter) -> tuple[bytes, bool] | None:
        """The beginning of a letter, and whether that is all of it; None: it is gone.

        Raises:
            CannotLook: it may not be read.
        """
        path = letter.path
        try:
            try:
                return self._read(path)
            except FileNotFoundError:
                moved = self.maildir / "cur"
                path = next(iter(moved.glob(f"{_literal(letter.path.name.partition(':')[0])}*")), path)
                return self._read(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _closed(path, error) from error

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            post = self.post(self.repeats_s)
            newest = next(iter(post.letters), None)
            if newest:
                self.opened(newest)
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        lately = f"{len(post.letters) + post.left_out:,} messages of the last {stretch(self.repeats_s)}"
        yield Finding(verdict=Verdict.OK, says=f"The bounce mailbox {self.maildir} can be read: {lately}.")

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        for name in FOLDERS:
            folder = self.maildir / name
            try:
                with os.scandir(folder) as entries:
                    yield from (entry for entry in entries if not entry.name.startswith("."))
            except OSError as error:
                raise _closed(folder, error) from error

    def _read(self, path: Path) -> tuple[bytes, bool]:
        # Never through a link, nor waiting for the other end of a pipe: only the mail server should write there.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(self.most_bytes + 1)
        return content[: self.most_bytes], len(content) <= self.most_bytes


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _closed(path: Path, error: OSError) -> CannotLook:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Refused(
            f"{path} does not exist: a Maildir has the folders {' and '.join(FOLDERS)}.",
            remedy="Set `maildir` to the folder that holds them.",
        )
    if isinstance(error, PermissionError):
        return Refused(
            f"{path} may not be read by whoever runs this.",
            remedy=f"Give that user the right to read: setfacl -R -m u:USER:rX,d:u:USER:rX {path.parent}",
        )
    return CannotLook(f"{path} cannot be read: {error.strerror}.")
