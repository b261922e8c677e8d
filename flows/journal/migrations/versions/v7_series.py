"""Measurements by the month, so that an old one is dropped and not deleted row by row; what is kept of it is hours."""

from __future__ import annotations

from alembic import op

revision = "v7"
down_revision = "v6"

# What was written so far becomes the oldest part as it is: copying it would keep every worker waiting. `id` goes: no
# two numbers of a check are of one microsecond, and it was a seventh of a row.
BEFORE = (
    "ALTER TABLE incident.measurements RENAME TO measurements_before",
    "ALTER TABLE incident.measurements_before DROP COLUMN id",
    "ALTER TABLE incident.measurements_before ALTER COLUMN value DROP NOT NULL",
)
# Without a value it is a verdict alone: availability is not told by the good answers only.
MEASUREMENTS = """
CREATE TABLE incident.measurements (
    environment text COLLATE "C" NOT NULL,
    check_name  text COLLATE "C" NOT NULL,
    at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    value       double precision,
    unit        text             NOT NULL,
    verdict     text             NOT NULL,
    incident    text COLLATE "C",
    facts       json             NOT NULL,
    CONSTRAINT measurements_verdict_check CHECK (verdict IN ('OK', 'WARN', 'UNKNOWN', 'BAD'))
) PARTITION BY RANGE (at)
"""
# Every row is in one of the two. A check without numbers would else be searched to its beginning for its last one.
OF_NUMBERS = """
CREATE INDEX measurements_numbers ON incident.measurements (environment, check_name, at)
    INCLUDE (value, verdict) WHERE value IS NOT NULL
"""
OF_VERDICTS = """
CREATE INDEX measurements_verdicts ON incident.measurements (environment, check_name, at)
    INCLUDE (verdict) WHERE value IS NULL
"""
# `fact` is empty for the check's own number; verdicts are counted there only.
HOURS = """
CREATE TABLE incident.hours (
    environment text COLLATE "C" NOT NULL,
    check_name  text COLLATE "C" NOT NULL,
    fact        text COLLATE "C" NOT NULL,
    at          timestamptz      NOT NULL,
    number      bigint           NOT NULL,
    lowest      double precision,
    average     double precision,
    highest     double precision,
    unit        text             NOT NULL,
    ok          bigint           NOT NULL,
    warn        bigint           NOT NULL,
    unknown     bigint           NOT NULL,
    bad         bigint           NOT NULL
)
"""
HOURS_OF = "CREATE INDEX hours_of ON incident.hours (environment, check_name, fact, at)"

# Triggers of a statement see only what the statement names, so each part has its own. And it belongs to whom the whole
# belongs, whoever made it: else the owner could not drop what a superuser's migration made.
GUARD = """
CREATE FUNCTION incident.guard_part(part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR TRUNCATE ON incident.%I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_change()', part);
    EXECUTE format('CREATE TRIGGER goes_when_retired AFTER DELETE ON incident.%I REFERENCING OLD TABLE AS gone '
                   'FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_removal_of_recent()', part);
    EXECUTE format('ALTER TABLE incident.%I ENABLE ALWAYS TRIGGER only_grows', part);
    EXECUTE format('ALTER TABLE incident.%I ENABLE ALWAYS TRIGGER goes_when_retired', part);
    EXECUTE format('ALTER TABLE incident.%I OWNER TO %I', part, (
        SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'incident.measurements'::regclass));
END $$
"""
# A part is named after the month before which it ends: measurements_to_2027_01 ends with December 2026.
# Whatever no part is there for lies in measurements_rest, so that nothing is ever refused for want of one. It becomes
# the part of the months that were missing; where moments of no sense lie in it, it is left to be thinned by itself.
MONTHS = """
CREATE FUNCTION incident.add_months(before timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    ends timestamp;
    part text;
    oldest timestamp;
    newest timestamp;
    added integer := 0;
BEGIN
    SELECT coalesce(max(to_date(right(relname, 7), 'YYYY_MM')), date_trunc('month', now() AT TIME ZONE 'UTC'))
      INTO ends FROM pg_class
     WHERE relnamespace = 'incident'::regnamespace AND relkind = 'r' AND relname ~ '^measurements_to_\\d{4}_\\d\\d$';
    SELECT min(at) AT TIME ZONE 'UTC', max(at) AT TIME ZONE 'UTC' INTO oldest, newest FROM incident.measurements_rest;
    IF oldest < ends OR newest >= before AT TIME ZONE 'UTC' THEN
        RETURN 0;
    ELSIF newest IS NOT NULL THEN
        part := 'measurements_to_' || to_char(newest + interval '1 month', 'YYYY_MM');
        ALTER TABLE incident.measurements DETACH PARTITION incident.measurements_rest;
        EXECUTE format('ALTER TABLE incident.measurements_rest RENAME TO %I', part);
        EXECUTE format('ALTER TABLE incident.measurements ATTACH PARTITION incident.%I FOR VALUES FROM (%L) TO (%L)',
                       part, ends AT TIME ZONE 'UTC',
                       date_trunc('month', newest + interval '1 month') AT TIME ZONE 'UTC');
        CREATE TABLE incident.measurements_rest PARTITION OF incident.measurements DEFAULT;
        PERFORM incident.guard_part('measurements_rest');
        ends := date_trunc('month', newest + interval '1 month');
        added := 1;
    END IF;
    WHILE ends AT TIME ZONE 'UTC' < before LOOP
        part := 'measurements_to_' || to_char(ends + interval '1 month', 'YYYY_MM');
        EXECUTE format('CREATE TABLE incident.%I PARTITION OF incident.measurements FOR VALUES FROM (%L) TO (%L)',
                       part, ends AT TIME ZONE 'UTC', (ends + interval '1 month') AT TIME ZONE 'UTC');
        PERFORM incident.guard_part(part);
        ends := ends + interval '1 month';
        added := added + 1;
    END LOOP;
    RETURN added;
END $$
"""
ATTACH_BEFORE = """
DO $$
DECLARE
    ends timestamp := date_trunc('month', greatest(
        now(), (SELECT max(at) FROM incident.measurements_before)) AT TIME ZONE 'UTC') + interval '1 month';
    part text := 'measurements_to_' || to_char(ends, 'YYYY_MM');
BEGIN
    EXECUTE format('ALTER TABLE incident.measurements_before RENAME TO %I', part);
    EXECUTE format('ALTER TABLE incident.measurements ATTACH PARTITION incident.%I FOR VALUES FROM (MINVALUE) TO (%L)',
                   part, ends AT TIME ZONE 'UTC');
END $$
"""


def upgrade() -> None:
    for statement in (*BEFORE, MEASUREMENTS, OF_NUMBERS, OF_VERDICTS, HOURS, HOURS_OF, GUARD, MONTHS):
        op.execute(statement)
    for function in ("guard_part(text)", "add_months(timestamptz)"):
        op.execute(f"ALTER FUNCTION incident.{function} SET search_path = pg_catalog, pg_temp")
    op.execute("CREATE TABLE incident.measurements_rest PARTITION OF incident.measurements DEFAULT")
    for part in ("measurements", "measurements_rest"):
        op.execute(f"SELECT incident.guard_part('{part}')")
    op.execute(ATTACH_BEFORE)
    op.execute(
        "CREATE TRIGGER only_grows BEFORE UPDATE OR TRUNCATE ON incident.hours "
        "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER goes_when_old AFTER DELETE ON incident.hours REFERENCING OLD TABLE AS gone "
        "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_removal_of_late()"
    )
    for trigger in ("only_grows", "goes_when_old"):
        op.execute(f"ALTER TABLE incident.hours ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    raise NotImplementedError("The journal only grows. There is no way back.")
