"""What monitoring systems said: each delivery once, each alert as it was understood, and the incident it belongs to."""

from __future__ import annotations

from alembic import op

revision = "v5"
down_revision = "v4"

# By its sender's own number, or by what proves it: the second one of the same is a replay.
DELIVERIES = """
CREATE TABLE incident.deliveries (
    source   text COLLATE "C" NOT NULL CHECK (source <> ''),
    delivery text COLLATE "C" NOT NULL CHECK (delivery <> ''),
    at       timestamptz      NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, delivery)
)
"""
# `why` says how it was routed. Without a runbook nobody claimed it; without an opening nothing is opened by it.
ALERTS = """
CREATE TABLE incident.alerts (
    alert       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    source      text COLLATE "C" NOT NULL CHECK (source <> ''),
    fingerprint text COLLATE "C" NOT NULL CHECK (fingerprint <> ''),
    state       text COLLATE "C" NOT NULL CHECK (state IN ('firing', 'resolved')),
    title       text             NOT NULL,
    severity    text COLLATE "C" NOT NULL,
    service     text             NOT NULL,
    environment text COLLATE "C" NOT NULL,
    more        json             NOT NULL CHECK (json_typeof(more) = 'object'),
    runbook     text COLLATE "C" NOT NULL,
    why         text             NOT NULL,
    opening     bigint           REFERENCES incident.openings,
    joined      boolean          NOT NULL
)
"""
ALERTS_OF = "CREATE INDEX alerts_of ON incident.alerts (opening, alert) WHERE opening IS NOT NULL"
ALERTS_FROM = "CREATE INDEX alerts_from ON incident.alerts (source, alert DESC)"


def upgrade() -> None:
    for statement in (DELIVERIES, ALERTS, ALERTS_OF, ALERTS_FROM):
        op.execute(statement)
    for table in ("deliveries", "alerts"):
        op.execute(
            f"CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON incident.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_change()"
        )
        op.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER only_grows")


def downgrade() -> None:
    raise NotImplementedError("The journal only grows. There is no way back.")
