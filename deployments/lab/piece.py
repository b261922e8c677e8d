"""One piece of the lab: what a server beside its Postgres needs, or what the environment says of something in it.

A piece is a module in `pieces/` with a `PIECE`, and beside it the lines of TOML it adds to the lab's environment. Its
file's name is its name: of its program, its folder and its log.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployments.home import Home
from deployments.lab import service
from deployments.supervise import Program

# The way of a role (monitor, app, …) to the lab's database, or to another one of its server.
Url = Callable[..., str]
Values = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a piece is, and what it may know of the others."""

    name: str
    home: Home
    url: Url
    ports: Mapping[str, int]

    @property
    def folder(self) -> Path:
        """Its own: what it keeps from one start to the next."""
        return self.of(self.name)

    def of(self, name: str) -> Path:
        """Another piece's folder."""
        return self.home.lab.beside(name)

    def afresh(self, *names: str) -> None:
        """Take away files in its folder that a drill of a lab that was killed may have left."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                (self.folder / name).unlink()


def nothing(_: Place) -> Values:
    """What a piece says of itself beyond what each does."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What a module in `pieces/` declares.

    `script` is run as `python SCRIPT FOLDER PORT …`: by its path, so that it need not import the house. `ports` are
    its own, named as nobody else's; after them it is told those that it `uses`. `prepare` fills the folder before each
    start. `values` are what its TOML asks for by `$name`, beside `$home`, `$folder`, and `$restart`, `$status`,
    `$stop` and `$pid` of its program.
    """

    script: str = ""
    ports: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    prepare: Callable[[Place], None] | None = None
    values: Callable[[Place], Values] = nothing

    def program(self, place: Place) -> Program:
        """How its server is run."""
        numbers = [str(place.ports[name]) for name in (*self.ports, *self.uses)]
        return Program(name=place.name, command=[sys.executable, "-P", self.script, str(place.folder), *numbers])

    def told(self, place: Place) -> Values:
        """All that its TOML may ask for."""
        own = {verb: service.command(verb, place.name) for verb in service.VERBS} if self.script else {}
        return {"home": str(place.home.root), "folder": str(place.folder), **own, **self.values(place)}
