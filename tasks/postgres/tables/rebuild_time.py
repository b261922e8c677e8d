"""How long a rebuild takes: what it reads and writes, at the pace this server was seen to read, or an assumed one."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.amounts import size
from tasks.model import Row
from tasks.postgres.system import PostgresServer
from tasks.postgres.tables.queries import READ_RATE
from tasks.postgres.values import number
from tasks.postgres.words import span

# A network disk of a small cloud server (Amazon's gp3 gives 125 MiB/s), shared with the application's own work.
ASSUMED_RATE = 50 * 2**20
# Memory answers faster than this; a rebuild sorts, writes and logs what it writes, and does not.
FASTEST_RATE = 200 * 2**20
# Less than this was read says nothing about the disk.
ENOUGH_READ_BYTES = 64 * 2**20
# Shorter times are not told: the estimate is good within a factor of three at best.
SHORTEST_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Bytes a second, and where that number comes from."""

    rate: float
    source: str

    def takes_s(self, amount: float) -> float:
        """Seconds for so many bytes, read and written together."""
        return max(SHORTEST_S, amount / self.rate)

    def says(self, seconds: float) -> str:
        """'about 40 s (at 50.0 MiB a second, an assumption: …)'."""
        return f"about {span(seconds)} (at {size(self.rate)} a second, {self.source})"


def pace(postgres: PostgresServer) -> Pace:
    """How fast a rebuild goes there.

    Raises:
        CannotLook, Refused: no answer.
    """
    seen = postgres.rows(READ_RATE)[0]
    read, seconds = number(seen["bytes"]), number(seen["seconds"])
    if not seen["measured"] or read < ENOUGH_READ_BYTES or seconds <= 0:
        return Pace(rate=ASSUMED_RATE, source="an assumption: this server has not measured its reads")
    rate = read / seconds
    if rate > FASTEST_RATE:
        return Pace(rate=FASTEST_RATE, source="the fastest we reckon with: this server read even faster")
    return Pace(rate=rate, source=f"as this server's reads of {size(read)} took")


def reindex_bytes(row: Row) -> float:
    """A concurrent build reads the table twice (to build, and to validate) and writes the index."""
    return 2 * number(row["table_bytes"]) + number(row["bytes"])


def rewrite_bytes(row: Row, live_bytes: float) -> float:
    """VACUUM FULL reads the table and its TOAST, writes what lives, and builds every index from that."""
    toast = number(row["toast_bytes"])
    return number(row["table_bytes"]) + toast + (live_bytes + toast) + live_bytes + number(row["indexes_bytes"])
