"""What we ask a Postgres server about statements that are running now and do not end."""

from __future__ import annotations

from tasks.check import check
from tasks.model import Finding, Row, Threshold
from tasks.postgres.queries import RUNNING_STATEMENTS
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, session, span

# Every busy database has statements that take a second.
NOTICEABLE_S = 1.0

STATEMENT_RUNNING = Threshold(
    warn=60,
    bad=300,
    because="Owner: the team on call. Nobody waits a minute for a page, and Heroku's router has given up after 30 s; "
    "seed S4 ends statements older than 5 min.",
)


@check
def check_running_statements(postgres: PostgresServer, running: Threshold = STATEMENT_RUNNING) -> Finding:
    """Is a statement running now that should have ended long ago?

    Left out are those that wait for a lock (database/blocked-sessions asks about them), maintenance, COPY, CALL, schema
    changes, dumps, replication, and our own. One that never ends is in no statistics: those count what has ended.
    """
    if blind := postgres.blind():
        return blind
    statements = postgres.rows(RUNNING_STATEMENTS, at_least_s=NOTICEABLE_S)

    longest = max((number(row["running_s"]) for row in statements), default=0.0)
    sick = [row for row in statements if running.judge(number(row["running_s"]))]
    return Finding(
        verdict=running.judge(longest),
        says=_says(statements, longest, running),
        value=longest,
        unit="s",
        facts={"too_long": len(sick)},
        rows=sick,
    )


def _says(statements: list[Row], longest: float, running: Threshold) -> str:
    bad = f"(bad from {limit(running.bad)})"
    if not statements:
        return f"No statement has been running for {limit(NOTICEABLE_S)} or longer {bad}."
    first = statements[0]
    which = "" if len(statements) == 1 else ", the longest"
    return (
        f"{count(len(statements), 'statement', 'run')}{which} for {span(longest)} {bad}: {session(first)}, "
        f"{first['query']}"
    )
