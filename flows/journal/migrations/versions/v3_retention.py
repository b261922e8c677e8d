"""Retention: an incident whose end is sealed may get a tombstone, and what a sealed tombstone stands for may go.

Also: nothing is written with a moment of the future, and no trigger's function finds other people's objects first.
"""

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
    IF NOT EXISTS (SELECT FROM incident.entries e WHERE e.incident = NEW.incident AND e.kind = 'closed')
       OR NOT EXISTS (SELECT FROM incident.entries e WHERE e.incident = NEW.incident AND e.seq = 1) THEN
        RAISE EXCEPTION 'incident % is not closed, or was removed: it cannot be retired', NEW.incident
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
# Later entries are never earlier, so one of the year 9999 would stop the clock of its incident, or of all seals. What
# is not later than the one before may be in the future: then the server's clock was set back.
FUTURE = """
CREATE FUNCTION incident.refuse_future() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest pg_catalog.text;
BEGIN
    IF NEW.at > to_char((clock_timestamp() + interval '1 minute') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                COLLATE "C" THEN
        IF TG_TABLE_NAME = 'seals' THEN
            SELECT max(s.at) INTO newest FROM incident.seals s;
        ELSE
            SELECT max(e.at) INTO newest FROM incident.entries e WHERE e.incident = to_jsonb(NEW) ->> 'incident';
        END IF;
        IF NEW.at > coalesce(newest, '') THEN
            RAISE EXCEPTION '% is in the future', NEW.at USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
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
    "refuse_future",
)


def upgrade() -> None:
    for statement in (RETIRED, TOMBSTONE, REMOVAL, MEASUREMENTS, FUTURE):
        op.execute(statement)
    for function in FUNCTIONS:
        # Named last, or temporary types would be found first: each role may make some.
        op.execute(f"ALTER FUNCTION incident.{function}() SET search_path = pg_catalog, pg_temp")
    op.execute(
        "CREATE TRIGGER tombstone_fits BEFORE INSERT ON incident.entries "
        "FOR EACH ROW WHEN (NEW.kind = 'retired') EXECUTE FUNCTION incident.refuse_tombstone()"
    )
    op.execute("ALTER TABLE incident.entries ENABLE ALWAYS TRIGGER tombstone_fits")
    for table in ("entries", "seals"):
        op.execute(
            f"CREATE TRIGGER not_in_the_future BEFORE INSERT ON incident.{table} "
            "FOR EACH ROW EXECUTE FUNCTION incident.refuse_future()"
        )
        op.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER not_in_the_future")
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
