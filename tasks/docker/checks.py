"""What we ask about what Docker left behind."""

from __future__ import annotations

from datetime import timedelta

from tasks.amounts import size
from tasks.check import check
from tasks.docker.leftovers import leftovers, names, shown_image
from tasks.docker.system import Docker
from tasks.excerpt import excerpt
from tasks.model import Finding, Threshold
from tasks.postgres.words import count

# The engine counts files for it.
COUNTING_TAKES = timedelta(minutes=15)
GIB = 2**30

LEFT_BEHIND = Threshold(
    warn=2 * GIB,
    bad=20 * GIB,
    because="Owner: whoever runs the machine. Each deployment leaves an image of some hundred megabytes without a "
    "name; two gigabytes are a few of them. Twenty are a small server's disk, and a full one stops the database, too.",
)
UNUSED = Threshold(
    warn=2 * GIB,
    bad=50 * GIB,
    because="Owner: whoever runs the machine. A test's leftovers are small; gigabytes are somebody's database, which "
    "is either missed or to be let go. Fifty fill a usual server's disk.",
)


@check(limit=COUNTING_TAKES)
def check_docker_leftovers(docker: Docker, left: Threshold = LEFT_BEHIND) -> Finding:
    """How much room do images without a name and stopped one-off containers take?

    Only what is older than `older_than_days`, and no volume. A service that somebody stopped is none of it: removed,
    and its volumes then pruned, it is a lost database (4-1 of the sources).
    """
    now = leftovers(docker)

    kept = [one for one in now.stopped if one.stays]
    ended = count(len(now.going), "stopped container").lower()
    cache = sum(one.size for one in now.cache)
    return Finding(
        verdict=left.judge(now.bytes),
        says=f"{count(len(now.images), 'image')} without a name and {ended} take "
        f"{size(now.bytes)} (bad from {size(left.bad)}). {count(len(kept), 'stopped container')} stay"
        f"{'' if len(kept) > 1 else 's'}; unused build cache takes {size(cache)}.",
        value=now.bytes,
        unit="bytes",
        facts={"images": len(now.images), "containers": len(now.going), "build_cache_bytes": cache},
        rows=[*(shown_image(one) for one in now.images[:20]), *(one.shown for one in now.stopped[:40])],
    )


@check(limit=COUNTING_TAKES)
def check_unused_volumes(docker: Docker, unused: Threshold = UNUSED) -> Finding:
    """Which volumes does no container refer to?

    They are told, each by its name, and never removed by us: a stack that is down refers to none of its volumes, and
    nobody but its owner can tell its database from rubbish.
    """
    found = leftovers(docker).volumes
    taken = sum(one.bytes for one in found)

    told = f": {names(found[:10])}{', …' if len(found) > 10 else ''}" if found else ""
    return Finding(
        verdict=unused.judge(taken),
        says=f"{count(len(found), 'volume')} of no container, {size(taken)} (bad from {size(unused.bad)}){told}.",
        value=taken,
        unit="bytes",
        facts={"volumes": len(found)},
        rows=[{"volume": excerpt(one.name, 200), "bytes": one.bytes} for one in found],
    )
