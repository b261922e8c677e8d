"""Who tries passwords, and of them who is kept out already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.blocking.block_file import Block
from tasks.blocking.system import Blocking
from tasks.logs.attempts import Attempts, Source, attempts
from tasks.logs.origin import Network
from tasks.logs.system import Logs
from tasks.model import Threshold, Verdict

# A request that was on its way, and a server that takes a moment to read its list.
HOLDS_AFTER_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Attackers:
    """Those who still get through, the most persistent first; those kept out; those whose block does not hold."""

    seen: Attempts
    free: Sequence[Source]
    kept_out: Sequence[Source]
    through: Sequence[Source]


def attackers(logs: Logs, blocking: Blocking, of_one: Threshold) -> Attackers:
    """Whoever was refused as often within the last hour as `of_one` calls bad, or nearly, or has guessed.

    Raises:
        CannotLook, Refused: what is blocked cannot be told.
    """
    seen, there = attempts(logs), [one for one in blocking.blocks() if not one.is_over]
    trying = [one for one in seen.sources.values() if judged(one, of_one) is not Verdict.OK]
    trying.sort(key=lambda one: -one.failed)
    by = {one.network: covering(one.network, there) for one in trying}
    return Attackers(
        seen=seen,
        free=[one for one in trying if not by[one.network]],
        kept_out=[one for one in trying if by[one.network]],
        through=[one for one in trying if by[one.network] and _came_after(one, by[one.network])],
    )


def judged(source: Source, of_one: Threshold) -> Verdict:
    """How bad it is what comes from there: by how often it was refused; whoever has guessed a password is bad alone."""
    return Verdict.BAD if source.guessed else of_one.judge(source.failed)


def covering(network: Network, there: Sequence[Block]) -> list[Block]:
    """The blocks that keep all of `network` out."""
    return [
        one
        for one in there
        if one.network.version == network.version and network.subnet_of(one.network)  # type: ignore[arg-type]
    ]


def _came_after(source: Source, by: Sequence[Block]) -> bool:
    since = [one.since_s for one in by if one.since_s is not None]
    # Where nobody has noted since when, nobody can tell.
    return len(since) == len(by) and source.last_s > min(since) + HOLDS_AFTER_S
