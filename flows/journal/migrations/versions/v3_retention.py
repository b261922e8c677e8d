"""Retention: an incident whose end is sealed may get a tombstone, and what a sealed tombstone stands for may go."""

from __future__ import annotations

from alembic import op

revision = "v3"
down_revision = "v2"

# Lists and look-ups of retired incidents read this kind only.
RETIRED = "CREATE INDEX entries_retired ON incident.entries (incident, seq) WHERE kind = 'retired'"

# A tombstone is an ordinary entry of the incident's own chain. What it stands for must be over, and sealed before it.
TOMBSTONE = """
CREATE FUNCTION incident.refuse_tombstone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM incident.entries e WHERE e.incident = NEW.incident AND e.kind = 'closed') THEN
        RAISE EXCEPTION 'incident % is not closed: it cannot be retired', NEW.incident
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM incident.heads h JOIN incident.seals s USING (seal)
                    WHERE (h.incident, h.seq, h.hash) = (NEW.incident, NEW.seq - 1, NEW.prev)) THEN
        RAISE EXCEPTION 'incident %: no seal covers its entry %: it cannot be retired', NEW.incident, NEW.seq - 1
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""

# Asked of everybody who has the right to delete, which is the owner alone. All of an incident or nothing: from its
# first entry to the one before its tombstone, and a seal covers the tombstone.
REMOVAL = """
CREATE FUNCTION incident.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unretired pg_catalog.text;
BEGIN
    SELECT g.incident INTO unretired
      FROM (SELECT incident, min(seq) AS lowest, max(seq) AS highest, count(*) AS many, bool_or(kind = 'closed') AS over
              FROM gone GROUP BY incident) AS g
     WHERE g.lowest <> 1 OR g.many <> g.highest OR NOT g.over
        OR NOT EXISTS (SELECT FROM incident.entries t
                         JOIN incident.heads h ON (h.incident, h.seq, h.hash) = (t.incident, t.seq, t.hash)
                         JOIN incident.seals s ON s.seal = h.seal
                        WHERE t.incident = g.incident AND t.seq = g.highest + 1 AND t.kind = 'retired')
     LIMIT 1;
    IF unretired IS NOT NULL THEN
        RAISE EXCEPTION 'incident.entries only grows: DELETE is refused, for everybody; what was deleted of incident % '
            'is not all that a sealed tombstone stands for', unretired
            USING ERRCODE = 'restrict_violation', HINT = 'incident audit retire, then incident audit remove';
    END IF;
    RETURN NULL;
END $$
"""

# Numbers are no record, but the checks compare with the ones before. A month is what the slowest of them looks back.
MEASUREMENTS = """
CREATE FUNCTION incident.refuse_removal_of_recent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone WHERE at > clock_timestamp() - interval '30 days') THEN
        RAISE EXCEPTION 'incident.measurements only grows: DELETE is refused, for everybody, of the last 30 days'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$
"""
FUNCTIONS = (
    "refuse_change",
    "refuse_what_does_not_follow",
    "refuse_head",
    "refuse_seal",
    "refuse_tombstone",
    "refuse_removal",
    "refuse_removal_of_recent",
)


def upgrade() -> None:
    for statement in (RETIRED, TOMBSTONE, REMOVAL, MEASUREMENTS):
        op.execute(statement)
    for function in FUNCTIONS:
        # Named last, or temporary types would be found first: each role may make some.
        op.execute(f"ALTER FUNCTION incident.{function}() SET search_path = pg_catalog, pg_temp")
    op.execute(
        "CREATE TRIGGER tombstone_fits BEFORE INSERT ON incident.entries "
        "FOR EACH ROW WHEN (NEW.kind = 'retired') EXECUTE FUNCTION incident.refuse_tombstone()"
    )
    op.execute("ALTER TABLE incident.entries ENABLE ALWAYS TRIGGER tombstone_fits")
    for table, function in (("entries", "refuse_removal"), ("measurements", "refuse_removal_of_recent")):
        op.execute(f"DROP TRIGGER only_grows ON incident.{table}")
        op.execute(
            f"CREATE TRIGGER only_grows BEFORE UPDATE OR TRUNCATE ON incident.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER goes_when_retired AFTER DELETE ON incident.{table} REFERENCING OLD TABLE AS gone "
            f"FOR EACH STATEMENT EXECUTE FUNCTION incident.{function}()"
        )
        for trigger in ("only_grows", "goes_when_retired"):
            op.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    raise NotImplementedError("The journal only grows. There is no way back.")
