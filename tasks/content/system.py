"""The door to messages as they are about to be sent: a folder of them, and the filter that weighs them."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System
from tasks.web.system import http_url

SUFFIX = ".eml"
MOST_LISTED = 100_000


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("write the whole path: what runs this may be started anywhere")
    return path


class Rspamd(BaseModel):
    """A rspamd, asked over HTTP at its normal worker; `password` where its controller is asked instead."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(http_url("rspamd's address, like http://127.0.0.1:11333"))]
    password: SecretStr | None = None


class Spamd(BaseModel):
    """SpamAssassin's daemon, asked as its own spamc does. Not encrypted: on this machine, or a network of yours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=783, ge=1, le=65_535)


@dataclass(frozen=True, kw_only=True)
class Written:
    """A message that lies in the folder; `at_s` is when it was written, in Unix time."""

    path: Path
    at_s: float


class Content(System):
    """Messages as your application would send them now, one of each template or campaign: files that end in .eml.

    They are read, never sent. With `rspamd` or `spamd` a filter weighs them, otherwise rules of ours do.
    """

    kind: ClassVar[str] = "content"
    config_lines: ClassVar[str] = (
        'folder = "/srv/app/outgoing-samples"\n'
        'hostname = "mail.example.com"\n'
        'rspamd = { url = "http://127.0.0.1:11333" }\n'
        "# or: spamd = { port = 783 }"
    )

    folder: Annotated[Path, AfterValidator(_absolute)]
    # The server that sends them, by name and address, as a filter at the receiver's would see it.
    hostname: str = Field(default="localhost.localdomain", pattern=r"^[A-Za-z0-9.-]{1,253}$")
    ip: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f.:]{2,45}$")
    rspamd: Rspamd | None = None
    spamd: Spamd | None = None
    # Newsletters and campaigns need a way off the list; receipts and password mails do not.
    bulk: bool = True
    # Of a test mailbox that messages were taken from: the name its server gives itself in Authentication-Results.
    # Empty: the topmost is believed.
    receiver: str = Field(default="", max_length=253)
    most_messages: int = Field(default=50, ge=1, le=1_000)
    most_bytes: int = Field(default=512 * 1024, ge=1024, le=8 * 2**20)
    # For one message, weighed by a filter.
    limit_s: float = Field(default=8, gt=0, le=60)

    @model_validator(mode="after")
    def _one_filter(self) -> Content:
        if self.rspamd and self.spamd:
            raise ValueError("`rspamd` and `spamd`: two filters have two opinions; name one")
        return self

    def written(self) -> tuple[list[Written], int]:
        """The newest messages, newest first, and how many are left out.

        Raises:
            CannotLook: the folder is not there, or may not be read.
        """
        found: list[Written] = []
        for entry in self._entries():
            with suppress(FileNotFoundError):  # written anew meanwhile
                about = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(about.st_mode):
                    found.append(Written(path=Path(entry.path), at_s=about.st_mtime))
        newest = heapq.nlargest(self.most_messages, found, key=lambda one: (one.at_s, one.path))
        return newest, len(found) - len(newest)

    def opened(self, written: Written) -> tuple[bytes, bool] | None:
        """The beginning of a message, and whether that is all of it; None: it is gone.

        Raises:
            CannotLook: it may not be read.
        """
        try:
            with os.fdopen(
                os.open(written.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb"
            ) as file:
                content = file.read(self.most_bytes + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _closed(written.path, error) from error
        return content[: self.most_bytes], len(content) <= self.most_bytes

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            written, left_out = self.written()
            if written:
                self.opened(written[0])
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        count = len(written) + left_out
        yield Finding(
            verdict=Verdict.OK if written else Verdict.WARN,
            says=f"{self.folder} can be read: {count:,} message{'s' * (count != 1)} to be sent.",
        )

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder) as entries:
                for count, entry in enumerate(entries):
                    if count == MOST_LISTED:
                        raise Refused(
                            f"{self.folder} holds more than {MOST_LISTED:,} files.",
                            remedy="Name a folder with one message of each template.",
                        )
                    if entry.name.endswith(SUFFIX):
                        yield entry
        except OSError as error:
            raise _closed(self.folder, error) from error


def _closed(path: Path, error: OSError) -> CannotLook:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Refused(f"{path} does not exist.", remedy="Set `folder` to where the application writes messages.")
    if isinstance(error, PermissionError):
        return Refused(f"{path} may not be read by whoever runs this.", remedy="Give that user the right to read it.")
    return CannotLook(f"{path} cannot be read: {error.strerror}.")
