"""Entries and measurements, which only grow."""

from __future__ import annotations

from alembic import op

revision = "v1"
down_revision = None

# `at` is text: the hash covers its exact form. "C": ids and times compare byte by byte, so a prefix uses the index.
# `body` is json, not jsonb, which would reformat the text that was hashed.
ENTRIES = """
CREATE TABLE incident.entries (
    incident text COLLATE "C" NOT NULL CHECK (incident <> ''),
    seq      integer          NOT NULL CHECK (seq > 0),
    at       text COLLATE "C" NOT NULL CHECK (at ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$'),
    actor    text             NOT NULL CHECK (actor <> ''),
    kind     text COLLATE "C" NOT NULL CHECK (kind <> ''),
    key      text COLLATE "C" NOT NULL CHECK (key <> ''),
    body     json             NOT NULL CHECK (json_typeof(body) = 'object'),
    prev     text COLLATE "C" NOT NULL CHECK (prev ~ '^[0-9a-f]{64}$'),
    hash     text COLLATE "C" NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (incident, seq),
    UNIQUE (incident, key)
)
"""
# The lists of incidents read these two kinds only.
OPENED = "CREATE INDEX entries_opened ON incident.entries (at, incident) WHERE kind = 'opened'"
OPENED_OF = "CREATE INDEX entries_opened_of ON incident.entries (incident, seq) WHERE kind = 'opened'"
CLOSED_OF = "CREATE INDEX entries_closed_of ON incident.entries (incident, seq) WHERE kind = 'closed'"

MEASUREMENTS = """
CREATE TABLE incident.measurements (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment text COLLATE "C" NOT NULL,
    check_name  text COLLATE "C" NOT NULL,
    at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    value       double precision NOT NULL,
    unit        text             NOT NULL,
    verdict     text             NOT NULL CHECK (verdict IN ('OK', 'WARN', 'UNKNOWN', 'BAD')),
    incident    text COLLATE "C",
    facts       json             NOT NULL
)
"""
LATEST = "CREATE INDEX measurements_latest ON incident.measurements (environment, check_name, at DESC, id DESC)"

REFUSE = """
CREATE FUNCTION incident.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'incident.% only grows: % is refused, for everybody', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Record what is right as a new entry.';
END $$
"""

# The hash is checked here too, although Python wrote it: an entry with a wrong one could never be taken back, and
# every later reader would call the incident tampered with.
# The fields stand in the order of RFC 8785; to_json escapes text as it does. Wrong numbers and hashes of the entry
# before are serialization failures, because reading the head again cures them.
FOLLOW = """
CREATE FUNCTION incident.refuse_what_does_not_follow() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    last incident.entries%ROWTYPE;
    wrong text;
BEGIN
    SELECT * INTO last FROM incident.entries WHERE incident = NEW.incident ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> coalesce(last.seq, 0) + 1 THEN
        wrong := format('seq is %s, the next one is %s', NEW.seq, coalesce(last.seq, 0) + 1);
    ELSIF NEW.prev <> coalesce(last.hash, repeat('0', 64)) THEN
        wrong := 'prev is not the hash of the last entry';
    ELSIF NEW.at < last.at THEN
        wrong := 'at is earlier than the last entry''s';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'entry % of incident % does not follow: %', NEW.seq, NEW.incident, wrong
            USING ERRCODE = 'serialization_failure';
    END IF;
    IF NEW.hash <> encode(sha256(convert_to(
        '{"actor":' || to_json(NEW.actor) || ',"at":' || to_json(NEW.at) || ',"body":' || NEW.body
        || ',"incident":' || to_json(NEW.incident) || ',"key":' || to_json(NEW.key) || ',"kind":' || to_json(NEW.kind)
        || ',"prev":' || to_json(NEW.prev) || ',"seq":' || NEW.seq || '}', 'UTF8')), 'hex') THEN
        RAISE EXCEPTION 'entry % of incident %: the hash is not that of its content', NEW.seq, NEW.incident
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    for statement in (ENTRIES, OPENED, OPENED_OF, CLOSED_OF, MEASUREMENTS, LATEST, REFUSE, FOLLOW):
        op.execute(statement)
    op.execute(
        "CREATE TRIGGER entry_follows BEFORE INSERT ON incident.entries "
        "FOR EACH ROW EXECUTE FUNCTION incident.refuse_what_does_not_follow()"
    )
    # ALWAYS: a session that calls itself a replica fires no ordinary trigger.
    op.execute("ALTER TABLE incident.entries ENABLE ALWAYS TRIGGER entry_follows")
    for table in ("entries", "measurements"):
        op.execute(
            f"CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON incident.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_change()"
        )
        op.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER only_grows")


def downgrade() -> None:
    raise NotImplementedError("The journal only grows. There is no way back.")
