"""What we ask about old rows: how many there are that should be gone."""

from __future__ import annotations

from datetime import timedelta

from tasks.amounts import stretch
from tasks.check import check
from tasks.model import Finding, Row, Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count
from tasks.retention.queries import COUNT
from tasks.retention.rows import begin, old_rows
from tasks.retention.system import Retention

# A table without an index on its age is read to its end.
COUNTING_TAKES = timedelta(minutes=15)

OVERDUE = Threshold(
    warn=1,
    bad=1_000_000,
    because="Owner: the DBA, for whoever answers for the data. A rule says for how long a row is kept, so one that is "
    "older is one too many. A million are weeks without a clean-up: they slow every question about their table.",
)


@check(limit=COUNTING_TAKES)
def check_overdue_rows(retention: Retention, overdue: Threshold = OVERDUE) -> Finding:
    """Are there rows that should be gone by the rules?

    Counted are whole days: what is a few hours too old goes with the next day. What a rule keeps for ever is not old,
    nor is what it leaves because others point at it.
    """
    rows: list[Row] = []
    with retention.database.snapshot() as moment:
        begin(moment)
        for rule in retention.rules:
            old = old_rows(moment, retention, rule, writes=False)
            counted = moment.run(old.filled(COUNT), **old.parameters)[0]
            rows.append({"rule": rule.name, "rows": counted["rows"], "oldest_s": counted["oldest_s"]})

    total = round(sum(number(row["rows"]) for row in rows))
    late = [row for row in rows if row["rows"]]
    told = "; ".join(f"{row['rows']:,} of {row['rule']}, the oldest {stretch(number(row['oldest_s']))}" for row in late)
    return Finding(
        verdict=overdue.judge(total),
        says=f"{count(total, 'row')} of {count(len(rows), 'rule')} should be gone on {retention.database.address}"
        + (f": {told}." if told else "."),
        value=total,
        unit="rows",
        rows=rows,
    )
