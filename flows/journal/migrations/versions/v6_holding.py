"""Alerts that are held back for a while and looked at again then; what was refused at the door; how both may go."""

from __future__ import annotations

from alembic import op

revision = "v6"
down_revision = "v5"

# Empty fits everything; at least one of the three says what is meant. The newest that fits decides.
SNOOZES = """
CREATE TABLE incident.snoozes (
    snooze      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    fingerprint text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    service     text             NOT NULL,
    until       timestamptz      NOT NULL,
    actor       text             NOT NULL CHECK (actor <> ''),
    reason      text             NOT NULL,
    CHECK (fingerprint <> '' OR environment <> '' OR service <> '')
)
"""
SNOOZES_UNTIL = "CREATE INDEX snoozes_until ON incident.snoozes (until)"
# Counted in memory and written once a minute: strangers decide how many there are.
REFUSALS = """
CREATE TABLE incident.refusals (
    refusal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz      NOT NULL DEFAULT clock_timestamp(),
    source  text COLLATE "C" NOT NULL,
    why     text COLLATE "C" NOT NULL CHECK (why <> ''),
    number  bigint           NOT NULL CHECK (number > 0)
)
"""
REFUSALS_AT = "CREATE INDEX refusals_at ON incident.refusals (at)"
# Until then it opens nothing; then it is taken once more, if it still fires.
HELD = "ALTER TABLE incident.alerts ADD COLUMN held_until timestamptz"
ALERTS_HELD = "CREATE INDEX alerts_held ON incident.alerts (alert) WHERE held_until IS NOT NULL"
# What is asked every few seconds is found at once, however much else comes in.
ALERTS_OVER = "CREATE INDEX alerts_over ON incident.alerts (alert) WHERE state = 'resolved' AND opening IS NOT NULL"
ALERTS_UNCLAIMED = """
CREATE INDEX alerts_unclaimed ON incident.alerts (alert)
 WHERE runbook = '' AND state = 'firing' AND severity IN ('P0', 'P1')
"""
ALERTS_SAME = "CREATE INDEX alerts_same ON incident.alerts (fingerprint, alert DESC)"
# What an alert became stands in its incident. The numbers of deliveries keep replays out, so they stay as long.
REMOVAL = """
CREATE FUNCTION incident.refuse_removal_of_late() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM gone WHERE at > clock_timestamp() - interval '30 days') THEN
        RAISE EXCEPTION 'incident.% only grows: DELETE is refused, for everybody, of the last 30 days', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$
"""
REMOVABLE = ("alerts", "deliveries", "refusals", "snoozes")


def upgrade() -> None:
    tables = (SNOOZES, SNOOZES_UNTIL, REFUSALS, REFUSALS_AT, HELD)
    indexes = (ALERTS_HELD, ALERTS_OVER, ALERTS_UNCLAIMED, ALERTS_SAME)
    for statement in (*tables, *indexes, REMOVAL):
        op.execute(statement)
    for table in REMOVABLE:
        op.execute(f"DROP TRIGGER IF EXISTS only_grows ON incident.{table}")
        op.execute(
            f"CREATE TRIGGER only_grows BEFORE UPDATE OR TRUNCATE ON incident.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER goes_when_old AFTER DELETE ON incident.{table} REFERENCING OLD TABLE AS gone "
            "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_removal_of_late()"
        )
        for trigger in ("only_grows", "goes_when_old"):
            op.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    raise NotImplementedError("The journal only grows. There is no way back.")
