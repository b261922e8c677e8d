"""What we ask a Postgres server about the numbers of its transactions, of which there are only so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.amounts import stretch
from tasks.check import check
from tasks.model import Earlier, Finding, Row, Threshold, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.vacuum.queries import OLDEST_TABLES, TRANSACTION_AGES, XMIN_HOLDERS
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
    1,600 million. The oldest tables are those of the connected database.
    """
    # Who holds the old rows could not be told.
    if blind := postgres.blind():
        return blind
    databases = postgres.rows(TRANSACTION_AGES)
    worst = max((one for row in databases for one in _ages(row)), key=lambda one: one.age)

    verdict = _verdict(worst, age)
    now = databases[0]
    left_s = _left_s(worst, now, earlier, postgres.address)
    return Finding(
        verdict=verdict,
        says=_says(worst, left_s, age),
        value=worst.age,
        unit=worst.noun,
        facts={
            "server": postgres.address,
            "at_s": now["at_s"],
            "next": now["next"],
            "left": worst.stops_at - worst.age,
            "freeze_at": worst.freeze_at,
        },
        rows=_evidence(postgres, databases) if verdict else (),
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


def _evidence(postgres: PostgresServer, databases: Sequence[Row]) -> list[Row]:
    """The databases, the oldest tables of ours, and whoever keeps VACUUM from freezing them."""
    tables = postgres.rows(OLDEST_TABLES)
    holders = postgres.rows(XMIN_HOLDERS, at_least_s=0)
    return [*databases, *tables, *holders]
