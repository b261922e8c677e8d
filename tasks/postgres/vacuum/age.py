"""What we ask a Postgres server about the numbers of its transactions, of which there are only so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.amounts import stretch
from tasks.check import check
from tasks.model import Earlier, Finding, Row, Threshold, Verdict
from tasks.postgres.signals import sentence
from tasks.postgres.system import PostgresServer
from tasks.postgres.vacuum.holders import freed_by_hand, named
from tasks.postgres.vacuum.queries import OLDEST_TABLES, TEMPORARY_TABLES, TRANSACTION_AGES, XMIN_HOLDERS
from tasks.postgres.values import number

# Where Postgres itself drops all politeness (vacuum_failsafe_age), whatever freeze age somebody has set.
FAILSAFE_AGE = 1_600_000_000
# A rate from a shorter time says little about the weeks to come.
ENOUGH_S = 600.0

TRANSACTION_AGE = Threshold(
    warn=500_000_000,
    bad=1_000_000_000,
    because="Owner: the DBA. Amazon RDS advises an alarm at 500 million and an urgent one at a billion; autovacuum "
    "should have begun at 200 million, and at about 2,144 million Postgres refuses every write.",
)


@dataclass(frozen=True, kw_only=True)
class _Age:
    """One of the two ages of a database."""

    database: str
    noun: str
    age: float
    freeze_at: float
    stops_at: float


@check
def check_transaction_age(
    postgres: PostgresServer, age: Threshold = TRANSACTION_AGE, earlier: Earlier | None = None
) -> Finding:
    """Are the transaction numbers running out, because old rows are not frozen?

    Over all databases of the server, transactions and multixacts (rows locked by several). An age that autovacuum was
    told to wait for (autovacuum_freeze_max_age) is not overdue: below it the answer is never worse than WARN, until
    1,600 million. Named is who keeps VACUUM from freezing: the oldest session, prepared transaction, slot or standby of
    the whole server, our own left out, or a temporary table. Tables are those of the connected database.
    """
    # Who holds the old rows could not be told.
    if blind := postgres.blind():
        return blind
    databases = postgres.rows(TRANSACTION_AGES)
    worst = max((one for row in databases for one in _ages(row)), key=lambda one: one.age)

    verdict = _verdict(worst, age)
    now = databases[0]
    left_s = _left_s(worst, now, earlier, postgres.address)
    holders = _holders(postgres, worst) if verdict else []
    held = [row for row in holders if age.judge(number(row[worst.noun]))]
    return Finding(
        verdict=verdict,
        says=f"{_says(worst, left_s, age)}{_held(held, worst)}",
        value=worst.age,
        unit=worst.noun,
        facts={
            "server": postgres.address,
            "at_s": now["at_s"],
            "next": now["next"],
            "left": worst.stops_at - worst.age,
            "freeze_at": worst.freeze_at,
        },
        rows=[*databases, *postgres.rows(OLDEST_TABLES), *holders] if verdict else (),
        remedy=" ".join(f"{sentence(named(row)).rstrip(',')}: {freed_by_hand(row)}" for row in held),
    )


def _ages(row: Row) -> Sequence[_Age]:
    database, stops_at = str(row["database"]), number(row["stops_at"])
    return (
        _Age(
            database=database, noun="transactions", age=number(row["transactions"]),
            freeze_at=number(row["freeze_at"]), stops_at=stops_at,
        ),
        _Age(
            database=database, noun="multixacts", age=number(row["multixacts"]),
            freeze_at=number(row["multixact_freeze_at"]), stops_at=stops_at,
        ),
    )  # fmt: skip


def _verdict(worst: _Age, age: Threshold) -> Verdict:
    verdict = age.judge(worst.age)
    due = worst.age >= min(worst.freeze_at, FAILSAFE_AGE)
    return verdict if due else min(verdict, Verdict.WARN)


def _left_s(worst: _Age, now: Row, earlier: Earlier | None, address: str) -> float | None:
    """How long the numbers last at the pace since the last look. Multixacts are not counted by the server."""
    before = earlier.facts if earlier and earlier.facts.get("server") == address else {}
    over_s = number(now["at_s"]) - number(before.get("at_s"))
    used = number(now["next"]) - number(before.get("next"))
    if not before or over_s < ENOUGH_S or used <= 0 or worst.noun != "transactions":
        return None
    return (worst.stops_at - worst.age) / (used / over_s)


def _says(worst: _Age, left_s: float | None, age: Threshold) -> str:
    pace = f", in {stretch(left_s)} at the present pace" if left_s is not None else ""
    return (
        f"The oldest row is {worst.age:,.0f} {worst.noun} old, in the database {worst.database} (bad from "
        f"{age.bad:,.0f}; autovacuum freezes from {worst.freeze_at:,.0f}); Postgres refuses to write after another "
        f"{worst.stops_at - worst.age:,.0f}{pace}."
    )


def _holders(postgres: PostgresServer, worst: _Age) -> list[Row]:
    """Who keeps VACUUM from freezing, the oldest first. Of multixacts the server tells only whose tables are old."""
    kept = postgres.rows(XMIN_HOLDERS, at_least_s=0, everywhere=True) if worst.noun == "transactions" else []
    strangers = [row for row in kept if not row["ours"]]
    return sorted([*strangers, *postgres.rows(TEMPORARY_TABLES)], key=lambda row: -number(row[worst.noun]))


def _held(held: Sequence[Row], worst: _Age) -> str:
    if not held:
        return ""
    more = f", nor past {len(held) - 1} more" if len(held) > 1 else ""
    first = f"{named(held[0]).rstrip(',')}: {number(held[0][worst.noun]):,.0f} {worst.noun} old"
    return f" VACUUM cannot freeze past {first}{more}."
