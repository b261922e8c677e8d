"""What we ask a Postgres server about indexes that do no work."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tasks.check import check
from tasks.model import Finding, Threshold, Verdict
from tasks.postgres import spare_indexes as spare
from tasks.postgres.left_out import left_out
from tasks.postgres.spare_indexes import Spare
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import span

IDLE_BYTES = Threshold(
    warn=2**20,
    bad=2**30,
    because="Owner: the DBA. In all. Every write pays for such an index, and nobody is hurt by a mebibyte of it; a "
    "gibibyte is as much as a small server's whole cache, and is written to every backup and replica.",
)


@check
def check_invalid_indexes(postgres: PostgresServer) -> Finding:
    """Did a broken-off build leave an invalid index behind?

    Always BAD: something broke half-way, every write pays for it, and a unique one still refuses equal values. Left out
    are tables on which an index is built now, and partitioned tables, whose indexes wait for their last partition.
    """
    found = spare.invalid(spare.facts(postgres, only_invalid=True))

    names = _names(found)
    return Finding(
        verdict=Verdict.BAD if found else Verdict.OK,
        says=f"Invalid, and written with every row: {names}." if found else "No index is invalid.",
        value=len(found),
        unit="indexes",
        rows=[one.evidence for one in found],
    )


@check
def check_duplicate_indexes(postgres: PostgresServer, size: Threshold = IDLE_BYTES) -> Finding:
    """Are there indexes whose queries another index of the table answers as well?

    That is one of the same definition, or one that begins with the same columns and is at most twice as large. Left out
    are indexes that enforce something (keys, unique, exclusion), replica identities, partial ones that are not exactly
    alike, those of partitions, and those below 1 MiB.
    """
    locked = spare.locked(postgres, spare.WORTH_DROPPING_BYTES)
    found = spare.large(spare.duplicates(spare.facts(postgres, spare.WORTH_DROPPING_BYTES, without=locked)))

    first = f"; {found[0].row['ident']}: {found[0].why}" if found else ""
    return left_out(_idle(found, size, "superfluous beside another one", f"{first}."), locked)


@check
def check_idle_indexes(postgres: PostgresServer, size: Threshold = IDLE_BYTES) -> Finding:
    """Are there indexes that no query uses?

    Judged only after 31 days of counting. Left out are indexes that enforce something (keys, unique, exclusion),
    replica identities, those a foreign key needs, those of partitions, and those below 1 MiB. Where replicas answer
    queries they count their own, which cannot be seen from here: then the answer is never worse than WARN, and
    nothing is dropped.
    """
    counted = spare.counting(postgres)
    alone = {**counted, "replicas": 0}
    locked = spare.locked(postgres, spare.WORTH_DROPPING_BYTES)
    found = spare.large(spare.unused(spare.facts(postgres, spare.WORTH_DROPPING_BYTES, without=locked), alone))

    counted_for = f", counted for {span(number(counted['counted_for_s']))}"
    replicas = int(number(counted["replicas"]))
    ask = f" Replicas count their own queries: ask the {replicas} of them, too." if replicas and found else ""
    finding = _idle(found, size, "unused", f"{counted_for}.{ask}")
    verdict = min(finding.verdict, Verdict.WARN) if replicas else finding.verdict
    return left_out(dataclasses.replace(finding, verdict=verdict, facts=counted), locked)


def _idle(found: Sequence[Spare], limit: Threshold, what: str, more: str) -> Finding:
    size = sum(number(one.row["bytes"]) for one in found)
    amount = f"{len(found)} indexes are" if len(found) > 1 else f"{'1' if found else 'No'} index is"
    told = f" ({size / 2**20:,.0f} MiB, bad from {limit.bad / 2**20:,.0f})" if found else ""
    return Finding(
        verdict=limit.judge(size),
        says=f"{amount} {what}{told}{more}",
        value=size,
        unit="bytes",
        rows=[one.evidence for one in found],
    )


def _names(found: Sequence[Spare]) -> str:
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(str(one.row["ident"]) for one in found[:3]) + more
