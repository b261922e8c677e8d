"""The door to log files of services on this machine."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tasks.amounts import size
from tasks.logs.generations import current, opened
from tasks.logs.origin import Network
from tasks.model import CannotLook, Finding, Threshold, Verdict
from tasks.system import System


def _network(text: object) -> object:
    try:
        return ip_network(str(text), strict=True)
    except ValueError as error:
        raise ValueError(f"{text!r} is no address or network ({error}); write 10.0.0.5 or 10.0.0.0/24") from None


# An address or a network, as it is written: nothing is rounded.
WrittenNetwork = Annotated[Network, BeforeValidator(_network)]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("write the whole path: what runs this may be started anywhere")
    return path


class LogFile(BaseModel):
    """Where a service writes. In `path` may stand * and ?: then the one written to last is read (app-2026-11-29.log).

    `silent` is for how many seconds nothing may be written; `durations` are fields of JSON or logfmt that hold how long
    something took, each with its unit, beside those that are known by their names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str = Field(min_length=1)
    path: Annotated[Path, AfterValidator(_absolute)]
    silent: Threshold | None = None
    durations: Mapping[str, Literal["s", "ms", "us", "ns"]] = Field(default_factory=dict)
    # Endpoints that are slow on purpose, as `GET /events`: they wait for something to tell.
    unhurried: tuple[str, ...] = ()

    @property
    def is_pattern(self) -> bool:
        return glob.has_magic(self.path.name)


class Logs(System):
    """What services write down about themselves, and where. They are read, never changed."""

    kind: ClassVar[str] = "logs"
    config_lines: ClassVar[str] = (
        "files = [\n"
        '    { service = "api", path = "/var/log/api/app.log" },\n'
        '    { service = "nginx", path = "/var/log/nginx/access.log" },\n'
        "]"
    )

    files: tuple[LogFile, ...] = Field(min_length=1, max_length=50)
    # How far the first look goes back; each later one begins where the last has ended.
    first_look_s: float = Field(default=3600, gt=0, le=86_400)
    # What was counted counts for so long. A shorter time would make a torrent of one burst, and the incident that it
    # opens would look at nothing.
    window_s: float = Field(default=300, ge=10, le=3600)
    # Whose X-Forwarded-For is believed, and nobody else's: your own proxies, addresses or networks.
    proxies: tuple[WrittenNetwork, ...] = ()
    # Of one file in one look. What is new beyond it is passed over from its beginning, and that is said.
    most_bytes: int = Field(default=128 * 2**20, ge=2**16, le=2**30)

    @model_validator(mode="after")
    def _paths_differ(self) -> Logs:
        path, often = Counter(log.path for log in self.files).most_common(1)[0]
        if often > 1:
            raise ValueError(f"{path} is named twice")
        return self

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        for log in self.files:
            try:
                newest = current(log.path)
                with opened(newest.path):
                    pass
            except CannotLook as error:
                yield Finding(verdict=Verdict.BAD, says=f"{log.service}: {error.says}", remedy=error.remedy)
                continue
            yield Finding(verdict=Verdict.OK, says=f"{log.service}: {newest.path} can be read, {size(newest.size)}.")
