"""What we ask a Postgres server about its sequences: do numbers run out, in them or in a column that takes them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks import amounts
from tasks.check import check
from tasks.growth import Look, looks, seconds_until, with_look
from tasks.model import Earlier, Finding, Row, Threshold, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.tables.checks import DAY_S, LOOK_EVERY_S, LOOKS_KEPT, TREND_FROM_S
from tasks.postgres.tables.queries import SEQUENCES
from tasks.postgres.values import number
from tasks.postgres.words import count

# Of emptier ones the pace is not followed: an integer that is a tenth full has 1,900 million numbers left.
FOLLOWED_FROM = 0.1

NUMBERS_USED = Threshold(
    warn=0.7,
    bad=0.9,
    because="Owner: the DBA. Of what the sequence and its column can hold; after the last number every INSERT fails. "
    "To make the key of a large table a bigint while it is used takes weeks: another column, a copy, a swap.",
)
NUMBERS_LAST = Threshold(
    warn=90 * DAY_S,
    bad=30 * DAY_S,
    because="Owner: the DBA. At the pace of the last days. A key of a large table is made wider in weeks, not in days.",
)


@check
def check_sequences(
    postgres: PostgresServer,
    used: Threshold = NUMBERS_USED,
    left: Threshold = NUMBERS_LAST,
    earlier: Earlier | None = None,
) -> Finding:
    """Do the numbers of a sequence run out, or of a column that is narrower than its sequence?

    Asked as the acting role, which must be able to read them: sequences of their own, of serial and identity columns,
    and of columns that refer to these, in the whole database. What counts down, or begins again by design, is left out.
    How long they last is known after two days of looks.
    """
    rows = postgres.rows_as_actor(SEQUENCES)
    hidden = list(dict.fromkeys(str(row["schema_ident"]) for row in rows if not row["known"]))
    told = earlier.facts.get("looks") if earlier and earlier.facts.get("server") == postgres.address else None
    followed = {str(row["key"]): _looked(row, told) for row in rows if number(row["used"]) >= FOLLOWED_FROM}
    judged = [_judged(row, followed.get(str(row["key"]), []), used, left) for row in rows if row["known"]]

    if hidden and not judged:
        return _hidden(hidden)
    sick = [row for row in judged if row["verdict"]]
    return Finding(
        verdict=max((Verdict(int(number(row["verdict"]))) for row in sick), default=Verdict.OK),
        says=_says(judged, sick, used)
        + (" Hidden from the acting role: some in " + ", ".join(hidden) + "." if hidden else ""),
        value=max((number(row["used"]) for row in judged), default=0.0),
        unit="ratio",
        facts={
            "server": postgres.address,
            "looks": {key: [list(look) for look in seen] for key, seen in followed.items()},
        },
        rows=sick,
        remedy="\n".join(dict.fromkeys(map(_remedy, sick))),
    )


def _looked(row: Row, told: object) -> list[Look]:
    before = looks(told.get(str(row["key"]))) if isinstance(told, Mapping) else []
    # One that was set back begins anew.
    known = before if not before or before[-1][1] <= number(row["last"]) else []
    return with_look(known, number(row["at_s"]), number(row["last"]), every_s=LOOK_EVERY_S, kept=LOOKS_KEPT)


def _judged(row: Row, known: Sequence[Look], used: Threshold, left: Threshold) -> Row:
    left_s = seconds_until(number(row["most"]), known, at_least_s=TREND_FROM_S) if known else None
    by_pace = Verdict.OK if left_s is None else left.judge(left_s)
    return {**row, "left_s": left_s, "verdict": int(max(used.judge(number(row["used"])), by_pace))}


def _says(rows: Sequence[Row], sick: Sequence[Row], used: Threshold) -> str:
    bad = f"(bad from {used.bad:.0%})"
    if not rows:
        return f"There is no sequence that could run out {bad}."
    first = max(rows, key=lambda row: (number(row["verdict"]), number(row["used"])))
    where = f" for {first['table_ident']}.{first['column']}" if first["table_ident"] else ""
    refers = " (which refers to a column that it fills)" if first["refers"] else ""
    narrower = ", which is all that this column can hold" if first["narrower"] else ""
    lasts = f", and lasts {amounts.stretch(number(first['left_s']))} at the present pace" if first["left_s"] else ""
    names = len({row["sequence"] for row in sick or rows})
    amount = f"{count(names, 'sequence', 'run')} out" if sick else f"{count(names, 'sequence')} looked at"
    return (
        f"{amount}; the fullest, {first['sequence']}{where}{refers}, has used {number(first['used']):.0%} of its "
        f"numbers {bad}: it stands at {number(first['last']):,.0f} of {number(first['most']):,.0f}{narrower}{lasts}."
    )


def _remedy(row: Row) -> str:
    further = f"ALTER SEQUENCE {row['sequence']} AS bigint NO MAXVALUE;"
    if not row["narrower"]:
        return f"In a moment, once the transactions that took a number have ended: SET lock_timeout = '2s'; {further}"
    size = amounts.size(number(row["table_bytes"]))
    return (
        f"Rewrites {row['table_ident']} ({size}, and its indexes) while nobody can read or write it: ALTER TABLE "
        f"{row['table_ident']} ALTER COLUMN {row['column']} TYPE bigint; {further} "
        "Where that takes too long, widen it in steps (database/performance-degradation)."
    )


def _hidden(schemas: Sequence[str]) -> Finding:
    return Finding.unknown(
        "How far the sequences have come cannot be told: they are hidden from the acting role.",
        remedy="GRANT pg_read_all_data TO the role of action_url (14 and later), or: "
        + " ".join(f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {one} TO the role of action_url;" for one in schemas),
    )
