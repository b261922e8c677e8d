"""The door to whatever keeps addresses out: a list that a server reads, or the commands of a firewall."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from tasks.blocking import block_file
from tasks.blocking.block_file import Block
from tasks.blocking.guard import refuse
from tasks.logs.origin import Network, written
from tasks.logs.system import WrittenNetwork
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.program import LINE_CHARACTERS, run
from tasks.system import System

# A list, never a text: no shell takes it apart.
Argv = Annotated[tuple[str, ...], Field(min_length=1)]
LIMIT_S = 30.0
MOST_LINES = 100_000
ADDRESS, SECONDS = "{address}", "{seconds}"
EXAMPLE = 'never = ["198.51.100.0/24"]  # your offices, your VPN, your monitoring, whoever approves'


class Blocking(System):
    """Keeps addresses out, by `file` or by the commands `block`, `lift` and `listed`.

    The server that reads `file` is told by `reload`; `line` is what stands in it for an address. In commands
    `{address}` becomes the network, and in `block` `{seconds}` how long it counts: the firewall ends it by itself.
    `never` are your own addresses: without them nothing is blocked, for whoever blocks himself cannot lift it.
    """

    kind: ClassVar[str] = "blocking"
    config_lines: ClassVar[str] = (
        'file = "/etc/nginx/blocked.conf"            # include it in `http`; touch it once\n'
        'line = "deny {address};"\n'
        'reload = ["nginx", "-s", "reload"]\n'
        f"{EXAMPLE}"
    )

    never: tuple[WrittenNetwork, ...] = ()
    # For how long. What stands in `file` is lifted within a day after (maintenance/blocks); a firewall ends its own.
    hours: float = Field(default=24, gt=0, le=24 * 7)
    # The widest that may be blocked, as a length: one IPv4 address, and what one IPv6 customer has.
    widest_v4: int = Field(default=32, ge=16, le=32)
    widest_v6: int = Field(default=64, ge=32, le=64)

    file: Path | None = None
    line: str = ADDRESS
    reload: Argv | None = None

    block: Argv | None = None
    lift: Argv | None = None
    listed: Argv | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Blocking:
        commands = (self.block, self.lift, self.listed)
        if (self.file is None) == (None in commands):
            raise ValueError("name either `file`, or all of `block`, `lift` and `listed`")
        if self.file is not None and (ADDRESS not in self.line or not self.file.is_absolute() or any(commands)):
            raise ValueError(f"with `file`, a whole path, `line` holds {ADDRESS}, and there are no commands")
        if "#" in self.line or not self.line.isprintable():
            raise ValueError("`line` is one line without #: what stands behind one is ours")
        for argv in (self.block, self.lift):
            if argv is not None and not any(ADDRESS in part for part in argv[1:]):
                raise ValueError(f"`block` and `lift` name {ADDRESS}")
        if self.block is not None and not any(SECONDS in part for part in self.block):
            raise ValueError(f"`block` names {SECONDS}: what nobody ends is forgotten")
        return self

    @property
    def seconds(self) -> int:
        """How long a block counts."""
        return int(self.hours * 3600)

    @property
    def where(self) -> str:
        """What keeps them out, for people."""
        return str(self.file) if self.file is not None else " ".join((self.listed or ())[:1])

    def blocks(self) -> list[Block]:
        """Everything that is kept out, ours or not.

        Raises:
            CannotLook, Refused: it does not tell.
        """
        if self.file is not None:
            return block_file.blocks(self.file)
        lines: list[str] = []
        run(self.listed or (), limit_s=LIMIT_S, heard=lambda line: _keep(lines, line))
        words = (word.strip(",;{}[]()") for line in lines for word in line.split())
        told = (written(word) for word in words if block_file.WORD.fullmatch(word))
        return [Block(network=one) for one in told if one is not None]

    def line_for(self, network: Network) -> str:
        """What an operator would type."""
        if self.file is not None:
            return f"echo '{self.line.replace(ADDRESS, str(network))}' >> {self.file}"
        return " ".join(_filled(self.block or (), network, self.seconds))

    def refuse(self, network: Network, proxies: Sequence[Network]) -> None:
        """Refuse whom a block must not hit.

        Raises:
            Refused: it says who.
        """
        if not self.never:
            raise Refused("Nobody has said which addresses are your own; a block could hit them.", remedy=EXAMPLE)
        refuse(network, self.never, proxies, (self.widest_v4, self.widest_v6))

    def keep_out(self, networks: Sequence[Network], seconds: int) -> float:
        """Block exactly these; returns until when, in Unix time.

        Raises:
            CannotLook, Refused: one could not be; those before it are.
        """
        now_s = time.time()
        until_s = now_s + seconds
        if self.file is not None:
            new = [Block(network=one, since_s=now_s, until_s=until_s) for one in networks]
            block_file.add(self.file, self.line, new)
            try:
                self._tell()
            except CannotLook:
                # A list that its server does not take would keep it from starting the next time.
                block_file.remove(self.file, networks)
                raise
        for one in networks if self.block is not None else ():
            run(_filled(self.block or (), one, seconds), limit_s=LIMIT_S)
        return until_s

    def let_in(self, networks: Sequence[Network]) -> None:
        """Lift the blocks of exactly these, as far as they are ours.

        Raises:
            CannotLook, Refused: one could not be.
        """
        if self.file is not None:
            block_file.remove(self.file, networks)
            self._tell()
        for one in networks if self.lift is not None else ():
            run(_filled(self.lift or (), one, 0), limit_s=LIMIT_S)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            there = self.blocks()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{len(there):,} addresses and networks are kept out.")
        if not self.never:
            yield Finding(
                verdict=Verdict.WARN,
                says="Nobody has said which addresses are your own: nothing is blocked until then.",
                remedy=EXAMPLE,
            )

    def _tell(self) -> None:
        if self.reload is not None:
            run(self.reload, limit_s=LIMIT_S)


def _keep(lines: list[str], line: str) -> None:
    if len(lines) >= MOST_LINES or len(line) >= LINE_CHARACTERS:
        raise CannotLook("What is blocked is more than can be read here.", remedy="Have `listed` tell one a line.")
    lines.append(line)


def _filled(argv: Sequence[str], network: Network, seconds: int) -> tuple[str, ...]:
    return tuple(part.replace(ADDRESS, str(network)).replace(SECONDS, str(seconds)) for part in argv)
