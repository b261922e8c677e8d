"""What we ask a Postgres server about its write-ahead log: how much is written, how often that forces a checkpoint."""

from __future__ import annotations

from tasks.amounts import size
from tasks.check import check
from tasks.model import Earlier, Finding, Row, Threshold
from tasks.postgres.counters import Grown, grown, remembered, same_count, sustained
from tasks.postgres.queries import CHECKPOINTER, CHECKPOINTS, WAL_POSITION
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import HOUR_S, count, limit, span

# Where the checkpoints moved to a view of their own.
OWN_VIEW = 170000
# A backup, a CREATE DATABASE or an operator's CHECKPOINT asks for one each.
ENOUGH_REQUESTED = 3
COUNTED = ("timed", "requested", "busy_s")

CHECKPOINT_RATE = Threshold(
    warn=12,
    bad=120,
    because="Owner: the DBA. Requested checkpoints an hour. Twelve are as many as the clock causes every 5 min "
    "(checkpoint_timeout); at 120 they come every 30 s, where Postgres itself complains in its log "
    "(checkpoint_warning). Each writes whole pages to the log again.",
)
WAL_RATE = Threshold(
    warn=36_000 * 2**20,
    bad=180_000 * 2**20,
    because="Owner: the DBA. In bytes an hour: 10 and 50 MiB a second. Amazon's gp3 volume writes 125 MiB a second at "
    "first, and what is written here is archived and sent to each replica as well.",
)


@check
def check_checkpoints(
    postgres: PostgresServer, per_hour: Threshold = CHECKPOINT_RATE, earlier: Earlier | None = None
) -> Finding:
    """Is so much written that checkpoints are forced, instead of coming by the clock?

    Counted since the last look; fewer than three are left out, for backups and operators ask for them too. BAD only
    when it stayed so for half an hour: an import does the same and passes.
    """
    version = number(postgres.rows(WAL_POSITION)[0]["version_number"])
    now = postgres.rows(CHECKPOINTER if version >= OWN_VIEW else CHECKPOINTS)[0]
    since = grown(postgres, now, COUNTED, earlier)

    enough = since is not None and since.more["requested"] >= ENOUGH_REQUESTED
    rate = since.per_hour("requested") if since and enough else 0.0
    over_s = since.over_s if since else 0.0
    before = same_count(postgres, now, earlier)
    verdict, bad_since_s = sustained(per_hour.judge(rate), number(now["at_s"]), over_s, before)
    return Finding(
        verdict=verdict,
        says=_checkpointed(now, since, per_hour),
        value=rate,
        unit="1/h",
        facts={**remembered(postgres, now, COUNTED), "bad_since_s": bad_since_s},
    )


@check
def check_wal_rate(postgres: PostgresServer, per_hour: Threshold = WAL_RATE, earlier: Earlier | None = None) -> Finding:
    """Is more write-ahead log written than disks, archive and replicas can take?

    The log's own position is compared with that of the last look, so that every version can tell. BAD only when it
    stayed so for half an hour.
    """
    now = postgres.rows(WAL_POSITION)[0]
    since = grown(postgres, now, ("wal_bytes",), earlier)

    rate = since.per_hour("wal_bytes") if since else 0.0
    over_s = since.over_s if since else 0.0
    before = same_count(postgres, now, earlier)
    verdict, bad_since_s = sustained(per_hour.judge(rate), number(now["at_s"]), over_s, before)
    return Finding(
        verdict=verdict,
        says=_written(now, since, rate, per_hour),
        value=rate,
        unit="bytes/h",
        facts={**remembered(postgres, now, ("wal_bytes",)), "bad_since_s": bad_since_s},
    )


def _checkpointed(now: Row, since: Grown | None, per_hour: Threshold) -> str:
    every = limit(HOUR_S / per_hour.bad)
    if since is None:
        return f"From now on it is counted how many checkpoints are forced (bad from one every {every})."
    requested, timed = int(since.more["requested"]), int(since.more["timed"])
    return (
        f"{count(requested, 'checkpoint')} forced and {timed:,} by the clock in the last {span(since.over_s)} "
        f"(bad from one every {every}); max_wal_size is {size(number(now['max_wal_bytes']))}."
    )


def _written(now: Row, since: Grown | None, rate: float, per_hour: Threshold) -> str:
    if since is None:
        return "From now on it is counted how much write-ahead log is written."
    verb = "replayed" if now["standby"] else "written"
    readers = count(int(number(now["replicas"])), "replica", "read") + " it"
    archive = "" if now["archive_mode"] == "off" else ", and it is archived"
    return (
        f"{size(since.more['wal_bytes'])} of write-ahead log {verb} in the last {span(since.over_s)}: {size(rate)} an "
        f"hour (bad from {size(per_hour.bad)}); {readers[0].lower()}{readers[1:]}{archive}."
    )
