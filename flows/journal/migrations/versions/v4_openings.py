"""Which incidents were asked for, and the run that became of each: the one door by which an incident is opened."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from flows.journal.entry import read_back

revision = "v4"
down_revision = "v3"

# `problem` tells the problems of several alerts apart; empty, it is the runbook's own.
OPENINGS = """
CREATE TABLE incident.openings (
    opening     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    runbook     text COLLATE "C" NOT NULL CHECK (runbook <> ''),
    environment text COLLATE "C" NOT NULL CHECK (environment <> ''),
    problem     text COLLATE "C" NOT NULL,
    actor       text             NOT NULL CHECK (actor <> ''),
    reason      text             NOT NULL
)
"""
OPENINGS_OF = "CREATE INDEX openings_of ON incident.openings (runbook, environment, problem, opening DESC)"
OPENINGS_IN = "CREATE INDEX openings_in ON incident.openings (runbook, environment, opening DESC)"
# A run that ended before it began is followed by another one.
DISPATCHED = """
CREATE TABLE incident.dispatched (
    opening bigint           NOT NULL REFERENCES incident.openings,
    attempt integer          NOT NULL CHECK (attempt > 0),
    run     text COLLATE "C" NOT NULL UNIQUE CHECK (run <> ''),
    at      timestamptz      NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (opening, attempt)
)
"""
STILL_OPEN = """
    SELECT o.incident, o.body::text FROM incident.entries AS o
     WHERE o.kind = 'opened'
       AND NOT EXISTS (SELECT FROM incident.entries WHERE incident = o.incident AND kind = 'closed')
"""
REGISTER = """
    WITH asked AS (INSERT INTO incident.openings (runbook, environment, problem, actor, reason)
                   VALUES (:runbook, :environment, '', 'migration', '') RETURNING opening)
    INSERT INTO incident.dispatched (opening, attempt, run) SELECT opening, 1, :run FROM asked ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    for statement in (OPENINGS, OPENINGS_OF, OPENINGS_IN, DISPATCHED):
        op.execute(statement)
    # What is open by now is found by the next watch, as it was before.
    for run, written in op.get_bind().execute(text(STILL_OPEN)).fetchall():
        body = read_back(written)
        place = {"runbook": str(body.get("runbook", "?")), "environment": str(body.get("environment", "?"))}
        op.get_bind().execute(text(REGISTER), {**place, "run": run})
    for table in ("openings", "dispatched"):
        op.execute(
            f"CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON incident.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_change()"
        )
        op.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER only_grows")


def downgrade() -> None:
    raise NotImplementedError("The journal only grows. There is no way back.")
