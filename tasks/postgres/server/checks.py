"""What we ask a Postgres server about itself: is its memory too small, and how much does it write?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.amounts import size
from tasks.check import check
from tasks.model import Earlier, Finding, Json, Row, Threshold, Verdict
from tasks.postgres.counters import Grown, grown, remembered, same_count, sustained
from tasks.postgres.server.queries import CHECKPOINTER, CHECKPOINTS, DATABASE_COUNTERS, STATEMENT_SPILLS, WAL_POSITION
from tasks.postgres.statements.looks import in_schema, statistics_schema
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import HOUR_S, count, limit, span

# 80 MiB in pages of 8 KiB. Below it, a single report over cold data decides the ratio.
ENOUGH_BLOCKS = 10_000
# Who spills is worth a line each; a long list is not read.
SHOWN = 3

CACHE_HITS = Threshold(
    warn=0.95,
    bad=0.8,
    because="Owner: the DBA. Heroku and Supabase call 99 % healthy for a web application; below 95 % the data that is "
    "used all the time no longer fits, and below 80 % every fifth page comes from disk.",
)
TEMP_RATE = Threshold(
    warn=10 * 2**30,
    bad=100 * 2**30,
    because="Owner: the DBA. In bytes an hour. Amazon's gp3 volume, which Supabase's are too, writes 125 MiB a second "
    "at first: 100 GiB an hour is a fifth of it, for sorts that did not fit into work_mem.",
)

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
def check_cache_hits(
    postgres: PostgresServer, ratio: Threshold = CACHE_HITS, earlier: Earlier | None = None
) -> Finding:
    """Does the data that is used all the time fit into the server's memory?

    Counted since the last look, in this database, and judged once 80 MiB were read from outside shared_buffers (the
    operating system's cache may have held them). BAD only when it stayed so for half an hour with no dump running: a
    server that has just started, a backup or a nightly report reads cold data, and rightly so.
    """
    now = postgres.rows(DATABASE_COUNTERS)[0]
    since = grown(postgres, now, ("hit", "read"), earlier)

    hits = _ratio(since.more if since else {name: number(now[name]) for name in ("hit", "read")})
    enough = since is not None and since.more["read"] >= ENOUGH_BLOCKS
    raw = ratio.judge(hits) if enough else Verdict.OK
    over_s = since.over_s if since else 0.0
    verdict, bad_since_s = sustained(raw, number(now["at_s"]), over_s, same_count(postgres, now, earlier))
    return Finding(
        verdict=min(verdict, Verdict.WARN) if now["dumping"] else verdict,
        says=_hit(now, since, hits, ratio),
        value=hits,
        unit="ratio",
        facts={**remembered(postgres, now, ("hit", "read")), "bad_since_s": bad_since_s},
    )


@check
def check_temp_files(
    postgres: PostgresServer, per_hour: Threshold = TEMP_RATE, earlier: Earlier | None = None
) -> Finding:
    """Do sorts and hashes spill to disk all the time, because they do not fit into work_mem?

    Counted since the last look, in this database; the statements that spilled are named where pg_stat_statements
    counts them. BAD only when it stayed so for half an hour: an index build or a nightly report spills once.
    """
    now = postgres.rows(DATABASE_COUNTERS)[0]
    spills = _spills(postgres)
    since = grown(postgres, now, ("temp_files", "temp_bytes"), earlier)
    before = same_count(postgres, now, earlier)

    rate = since.per_hour("temp_bytes") if since else 0.0
    verdict, bad_since_s = sustained(per_hour.judge(rate), number(now["at_s"]), since.over_s if since else 0.0, before)
    rows = _spilled(spills, before.get("spills"))
    return Finding(
        verdict=verdict,
        says=_spilt(now, since, rate, rows, per_hour),
        value=rate,
        unit="bytes/h",
        facts={
            **remembered(postgres, now, ("temp_files", "temp_bytes")),
            "bad_since_s": bad_since_s,
            "spills": {str(row["key"]): row["temp_bytes"] for row in spills},
        },
        rows=rows if verdict else (),
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


def _ratio(blocks: Mapping[str, float]) -> float:
    """The share found in memory; of nothing, all was found."""
    asked = blocks["hit"] + blocks["read"]
    return blocks["hit"] / asked if asked else 1.0


def _hit(now: Row, since: Grown | None, hits: float, ratio: Threshold) -> str:
    if since is None:
        return f"{hits:.1%} of the pages were found in shared_buffers since the count began; from now on it is watched."
    read = size(since.more["read"] * number(now["block_bytes"]))
    if since.more["read"] < ENOUGH_BLOCKS:
        return f"Only {read} came from outside shared_buffers in the last {span(since.over_s)}: the cache is no matter."
    dump = "; a dump is running" if now["dumping"] else ""
    return (
        f"{hits:.1%} of the pages were found in shared_buffers ({now['shared_buffers']}) in the last "
        f"{span(since.over_s)} (bad below {ratio.bad:.0%}); {read} came from outside{dump}."
    )


def _spills(postgres: PostgresServer) -> Sequence[Row]:
    """Who spills, as far as it is counted: the amount itself is known without."""
    schema = statistics_schema(postgres)
    return [] if isinstance(schema, Finding) else postgres.rows(in_schema(STATEMENT_SPILLS, schema))


def _spilled(now: Sequence[Row], before: Json) -> list[Row]:
    known = before if isinstance(before, Mapping) else {}
    more = [(number(row["temp_bytes"]) - number(known.get(str(row["key"]))), row) for row in now]
    most = sorted((one for one in more if one[0] > 0), key=lambda one: -one[0])[:SHOWN]
    return [{**row, "temp_bytes": temp_bytes} for temp_bytes, row in most]


def _spilt(now: Row, since: Grown | None, rate: float, rows: Sequence[Row], per_hour: Threshold) -> str:
    if since is None:
        return "From now on it is counted what sorts and hashes spill to disk."
    over = f"in the last {span(since.over_s)}"
    limits = f"(bad from {size(per_hour.bad)} an hour; work_mem is {now['work_mem']})"
    if not since.more["temp_files"]:
        return f"Nothing was spilled to disk {over} {limits}."
    files = count(int(since.more["temp_files"]), "temporary file")
    who = f"; most by: {rows[0]['query']}" if rows else ""
    return f"{files} of {size(since.more['temp_bytes'])} {over}, {size(rate)} an hour {limits}{who}."


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
