"""What we ask a Postgres server about its replicas: do they keep up, and what do those that do not cost us?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tasks.amounts import size
from tasks.check import check
from tasks.model import Earlier, Finding, Json, Row, Threshold, Verdict
from tasks.postgres.replication.queries import REPLICAS, SLOTS, STANDBY
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

# A replica that is behind by less has it in its buffers.
NOTICEABLE_BYTES = 1024.0

REPLICA_LAG = Threshold(
    warn=30,
    bad=300,
    because="Owner: the team on call. Whoever reads from the replica reads what was true then: after half a minute a "
    "customer misses what they just saved; after five, a failover would lose that much.",
)
SLOT_WAL = Threshold(
    warn=10 * 2**30,
    bad=50 * 2**30,
    because="Owner: the DBA. Bytes of write-ahead log kept for one slot. Postgres keeps them until the disk is full, "
    "and stops then; Supabase's Pro plan begins with a disk of 8 GB, so lower these where the disk is small.",
)
# What Postgres says of a slot whose log is, or will soon be, gone.
ENDANGERED = ("unreserved", "lost")
# A slot that has less than this share of max_slot_wal_keep_size left is lost with the next bulk load.
LITTLE_LEFT = 0.25


@check
def check_replication_lag(
    postgres: PostgresServer, lag: Threshold = REPLICA_LAG, earlier: Earlier | None = None
) -> Finding:
    """Do the replicas keep up?

    On a primary each replica's own report; one that reports nothing new while it is behind is as late as it has been
    silent since the last look. On a standby the age of what it shows, less recovery_min_apply_delay. A primary that
    nothing is written to makes nobody late. Base backups are left out.
    """
    if blind := postgres.blind():
        return blind
    itself = postgres.rows(STANDBY)[0]
    replicas = [_late(row, earlier, postgres.address) for row in postgres.rows(REPLICAS)]

    own_s = _own_lag(itself)
    worst_s = max([own_s, *(number(row["lag_s"]) for row in replicas)])
    unplugged = bool(itself["standby"] and itself["streams"] and not itself["connected"])
    verdict = max(lag.judge(worst_s), Verdict.WARN if unplugged else Verdict.OK)
    return Finding(
        verdict=verdict,
        says=_lagging(itself, unplugged, own_s, replicas, lag),
        value=worst_s,
        unit="s",
        facts={"server": postgres.address, "replicas": {_key(row): _remembered(row) for row in replicas}},
        rows=[row for row in replicas if lag.judge(number(row["lag_s"]))],
    )


@check
def check_replication_slots(postgres: PostgresServer, held: Threshold = SLOT_WAL) -> Finding:
    """Does a replication slot make the server keep write-ahead log without end?

    Judged is the log kept for the slot that keeps most. Whatever its size, a slot is BAD whose log is gone (wal_status
    lost: its replica must be made anew) or goes with the next checkpoint (unreserved: it can still be saved), and WARN
    with less than a quarter of max_slot_wal_keep_size left. Temporary slots of a running base backup are shown and
    never worse than WARN: they go with it.
    """
    slots = postgres.rows(SLOTS)

    verdicts = [_slot_verdict(row, held) for row in slots]
    most = max((number(row["held_bytes"]) for row in slots), default=0.0)
    sick = [row for row, verdict in zip(slots, verdicts, strict=True) if verdict]
    return Finding(
        verdict=max(verdicts, default=Verdict.OK),
        says=_kept(slots, sick, held),
        value=most,
        unit="bytes",
        facts={"slots": len(slots), "inactive": sum(not row["active"] for row in slots)},
        rows=sick,
        remedy="\n".join(map(remedy, sick)),
    )


def gone(row: Row) -> bool:
    """Is what this slot needs gone for good?"""
    return row["wal_status"] == "lost" or row["invalidation_reason"] is not None


def remedy(row: Row) -> str:
    """What to do about this slot, in the order in which to try it."""
    drop = f"SELECT pg_drop_replication_slot('{row['slot']}');"
    if gone(row):
        return f"{row['slot']}: no setting brings its log back. Drop it, and make its replica anew: {drop}"
    back = f"bring its replica back; only if that is gone for good: {drop}"
    if row["safe_bytes"] is None:
        return f"{row['slot']}: {back}"
    enough = math.ceil(2 * number(row["held_bytes"]) / 2**20)
    when = "the next checkpoint" if row["wal_status"] == "unreserved" else "its room is used up"
    return (
        f"{row['slot']}: before {when}, if the disk has the room: ALTER SYSTEM SET max_slot_wal_keep_size = "
        f"'{enough}MB'; SELECT pg_reload_conf(); Then {back}"
    )


def endangered(row: Row) -> bool:
    """Is this slot's log gone, or about to go?"""
    return row["wal_status"] in ENDANGERED or row["invalidation_reason"] is not None


def _slot_verdict(row: Row, held: Threshold) -> Verdict:
    verdict = Verdict.BAD if endangered(row) else max(held.judge(number(row["held_bytes"])), _little_left(row))
    return min(verdict, Verdict.WARN) if row["temporary"] else verdict


def _little_left(row: Row) -> Verdict:
    """Is it about to reach max_slot_wal_keep_size, if there is such a limit?"""
    if row["safe_bytes"] is None:
        return Verdict.OK
    left, held = number(row["safe_bytes"]), number(row["held_bytes"])
    return Verdict.WARN if left < LITTLE_LEFT * (left + held) else Verdict.OK


def _late(row: Row, earlier: Earlier | None, address: str) -> Row:
    """`row` with its lag: what the replica said, or the time since it last moved."""
    facts = earlier.facts if earlier and earlier.facts.get("server") == address else {}
    known = facts.get("replicas")
    told = known.get(_key(row)) if isinstance(known, Mapping) else None
    stood_since_s = _stood_since(row, told)
    stood_s = number(row["at_s"]) - stood_since_s if number(row["behind_bytes"]) > NOTICEABLE_BYTES else 0.0
    lag_s = max(number(row["told_s"]) if number(row["behind_bytes"]) > 0 else 0.0, stood_s)
    return {**row, "stood_since_s": stood_since_s, "lag_s": lag_s}


def _stood_since(row: Row, told: Json) -> float:
    """Since when it has not moved, as far as we have seen."""
    now_s = number(row["at_s"])
    if not isinstance(told, list | tuple) or len(told) != 2:
        return now_s
    replayed, since_s = number(told[0]), number(told[1])
    return min(since_s, now_s) if replayed == number(row["replayed"]) else now_s


def _key(row: Row) -> str:
    return f"{row['replica']} at {row['client']}"


def _remembered(row: Row) -> list[Json]:
    # One that is not behind stands because there is nothing to do.
    idle = number(row["behind_bytes"]) <= NOTICEABLE_BYTES
    return [row["replayed"], row["at_s"] if idle else row["stood_since_s"]]


def _own_lag(itself: Row) -> float:
    if not itself["standby"]:
        return 0.0
    if itself["caught_up"] and (itself["connected"] or not itself["streams"]):
        return 0.0
    return max(0.0, number(itself["replayed_s"]) - number(itself["meant_s"]))


def _lagging(itself: Row, unplugged: bool, own_s: float, replicas: Sequence[Row], lag: Threshold) -> str:
    bad = f"(bad from {limit(lag.bad)})"
    own = ""
    if unplugged:
        own = f"This standby is not connected to its primary; what it shows is {span(own_s)} old {bad}. "
    elif itself["standby"]:
        paused = ", and its replay is paused" if itself["paused"] else ""
        own = f"This standby shows what was true {span(own_s)} ago {bad}{paused}. "
    if not replicas:
        return own.strip() or "No replica streams from this server."
    worst = max(replicas, key=lambda row: (number(row["lag_s"]), number(row["behind_bytes"])))
    which = "" if len(replicas) == 1 else f"{count(len(replicas), 'replica')}, the latest is "
    return (
        f"{own}{which}{_key(worst)}: {span(number(worst['lag_s']))} and {size(number(worst['behind_bytes']))} behind "
        f"{bad}, {worst['state']}."
    )


def _kept(slots: Sequence[Row], sick: Sequence[Row], held: Threshold) -> str:
    bad = f"(bad from {size(held.bad)})"
    if not slots:
        return "There is no replication slot."
    lost = [row for row in sick if endangered(row)]
    worst = (lost or sick or slots)[0]
    since = f" for {span(number(worst['inactive_s']))}" if worst["inactive_s"] is not None else ""
    state = "in use" if worst["active"] else f"not in use{since}"
    if worst["wal_status"] == "unreserved":
        return (
            f"The log that the slot {worst['slot']} needs, {size(number(worst['held_bytes']))}, is more than "
            f"max_slot_wal_keep_size ({worst['keep_size']}) and goes with the next checkpoint ({state}): until then it "
            "can be saved."
        )
    if lost:
        return f"The log that the slot {worst['slot']} needed is gone ({state}): its replica must be made anew."
    room = f", {size(number(worst['safe_bytes']))} before it is lost" if worst["safe_bytes"] is not None else ""
    return (
        f"{count(len(slots), 'replication slot')}; {worst['slot']} keeps {size(number(worst['held_bytes']))} of "
        f"write-ahead log {bad}, {state}{room}."
    )
