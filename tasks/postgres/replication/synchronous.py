"""What we ask a Postgres server about those of its standbys without whose answer no COMMIT ends."""

from __future__ import annotations

from tasks.check import check
from tasks.model import Finding, Row, Threshold
from tasks.postgres.locks.checks import LOCK_WAIT, NOTICEABLE_S
from tasks.postgres.replication.queries import SYNCHRONOUS_WAITS
from tasks.postgres.signals import COMMITTED, WITHOUT_STANDBY
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, session, span


@check
def check_synchronous_commits(postgres: PostgresServer, waited: Threshold = LOCK_WAIT) -> Finding:
    """Does any COMMIT wait for a synchronous standby that does not answer?

    No lock is waited for, so that no session is to blame: all writing hangs, and whoever needs a row of theirs hangs
    behind them. Waits shorter than a second are left out: each COMMIT has one.
    """
    if blind := postgres.blind():
        return blind
    waits = postgres.rows(SYNCHRONOUS_WAITS, at_least_s=NOTICEABLE_S)

    longest = number(waits[0]["waited_s"]) if waits else 0.0
    return Finding(
        verdict=waited.judge(longest),
        says=_says(waits, longest, waited),
        value=longest,
        unit="s",
        facts={"waiting": len(waits)},
        rows=waits,
        remedy=f"{COMMITTED} {WITHOUT_STANDBY}" if waits else "",
    )


def _says(waits: list[Row], longest: float, waited: Threshold) -> str:
    bad = f"(bad from {limit(waited.bad)})"
    if not waits:
        return f"No COMMIT has waited for a synchronous standby for {limit(NOTICEABLE_S)} or longer {bad}."
    first = waits[0]
    connected = first["connected"]
    standbys = f"of those named {connected} is connected" if connected else "none of those named is connected"
    which = "the longest for" if len(waits) > 1 else "for"
    return (
        f"{count(len(waits), 'session', 'wait')} for a synchronous standby (SyncRep), {which} {span(longest)} {bad}: "
        f"{session(first)}. synchronous_standby_names is {str(first['standby_names'])!r}, and {standbys}."
    )
