"""What we ask about the copy of a bucket: does it answer, what is missing, what is otherwise there."""

from __future__ import annotations

from datetime import timedelta

from tasks.bucket_copy.compare import ages, standing, total
from tasks.bucket_copy.system import BucketCopy
from tasks.check import check
from tasks.model import Finding, Threshold, Verdict
from tasks.postgres.words import HOUR_S, span

# A thousand keys a request; half a million are five hundred requests.
LISTING_TAKES = timedelta(minutes=10)

UNCOPIED = Threshold(
    warn=26 * HOUR_S,
    bad=50 * HOUR_S,
    because="Owner: whoever answers for the files. The copy runs every night, so what is older than twenty-six hours "
    "was missed once; at fifty, twice in a row, and two days of uploads are lost with the bucket.",
)
DIFFERING = Threshold(
    warn=1,
    bad=1000,
    because="Owner: whoever answers for the files. Each is an object of which the copy is not what people see. A "
    "thousand at once are no daily work: somebody rewrote, or cut off, a whole bucket.",
)


@check
def check_copy_destination(copy: BucketCopy) -> Finding:
    """Does the place of the copy answer, and does it keep what is written over?"""
    first = next(iter(copy.destination.examine()))
    if first.verdict is not Verdict.OK:
        return first
    if copy.destination.keeps_versions():
        return Finding(verdict=Verdict.OK, says=f"{copy.destination.url} answers, and keeps versions.")
    return Finding(
        verdict=Verdict.WARN,
        says=f"{copy.destination.url} answers, and keeps no versions: what changed at the source is not copied, "
        "because the only good copy may be the one it would replace.",
        remedy="Turn versioning on, and object lock where the store has it.",
    )


@check(limit=LISTING_TAKES)
def check_uncopied_objects(copy: BucketCopy, uncopied: Threshold = UNCOPIED) -> Finding:
    """Are there objects that are not in the copy yet?

    Judged by the one that waits longest: how many come in a day says nothing. What was deleted at the source stays in
    the copy and is not counted.
    """
    now = standing(copy)
    oldest = max(ages(now.missing), default=0.0)

    waits = f", the oldest for {span(oldest)} (bad from {span(uncopied.bad)})" if now.missing else ""
    new = f" {len(now.uncompared):,} were not copied by us, and are not compared yet." if now.uncompared else ""
    odd = f" {len(now.left_out):,} keys are left out: no names that every store takes." if now.left_out else ""
    return Finding(
        verdict=max(uncopied.judge(oldest), Verdict.WARN if now.left_out or now.uncompared else Verdict.OK),
        says=f"{total(now.missing)}, of {now.objects:,} in {copy.source.url} are missing in {copy.destination.url}"
        f"{waits}.{new}{odd}",
        value=oldest,
        unit="s",
        facts={"missing": len(now.missing), "uncompared": len(now.uncompared)},
        rows=[one.shown for one in now.missing[:20]],
    )


@check(limit=LISTING_TAKES)
def check_differing_objects(copy: BucketCopy, differing: Threshold = DIFFERING) -> Finding:
    """Are there objects whose copy is another than what is at the source?

    By size, and by who wrote last: not by ETag, which depends on the parts an object was sent in.
    """
    now = standing(copy)
    found = now.differing

    shrunk = sum(one.shrunk for one in found)
    cut = f" {shrunk:,} shrank to less than half: were they cut off?" if shrunk else ""
    return Finding(
        verdict=Verdict.BAD if shrunk else differing.judge(len(found)),
        says=f"{total(found)}, of {now.objects:,} in {copy.source.url} are otherwise in {copy.destination.url}.{cut}",
        value=len(found),
        unit="objects",
        facts={"shrunk": shrunk},
        rows=[one.shown for one in sorted(found, key=lambda one: not one.shrunk)[:20]],
    )
