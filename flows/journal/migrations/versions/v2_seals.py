"""Seals over the heads of all incidents."""

from __future__ import annotations

from alembic import op

revision = "v2"
down_revision = "v1"

# `digest` is taken over the seal's heads, `hash` over the seal's other columns.
SEALS = """
CREATE TABLE incident.seals (
    seal   integer          PRIMARY KEY CHECK (seal > 0),
    at     text COLLATE "C" NOT NULL CHECK (at ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$'),
    heads  integer          NOT NULL CHECK (heads > 0),
    digest text COLLATE "C" NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    prev   text COLLATE "C" NOT NULL CHECK (prev ~ '^[0-9a-f]{64}$'),
    hash   text COLLATE "C" NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$')
)
"""
# The last entry of each incident that grew since the seal before.
HEADS = """
CREATE TABLE incident.heads (
    seal     integer          NOT NULL,
    incident text COLLATE "C" NOT NULL,
    seq      integer          NOT NULL,
    hash     text COLLATE "C" NOT NULL,
    PRIMARY KEY (incident, seq)
)
"""
HEADS_OF = "CREATE INDEX heads_of ON incident.heads (seal, incident)"

HEAD_FOLLOWS = """
CREATE FUNCTION incident.refuse_head() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.seal <> (SELECT coalesce(max(seal), 0) + 1 FROM incident.seals) THEN
        RAISE EXCEPTION 'seal % is not the next one', NEW.seal USING ERRCODE = 'serialization_failure';
    END IF;
    IF NOT EXISTS (SELECT FROM incident.entries e
                    WHERE (e.incident, e.seq, e.hash) = (NEW.incident, NEW.seq, NEW.hash)) THEN
        RAISE EXCEPTION 'incident % has no entry % with that hash', NEW.incident, NEW.seq
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""
# The fields stand in the order of RFC 8785. What is refused here could never be taken back.
SEAL_FOLLOWS = """
CREATE FUNCTION incident.refuse_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    last incident.seals%ROWTYPE;
    covered record;
BEGIN
    SELECT * INTO last FROM incident.seals ORDER BY seal DESC LIMIT 1;
    IF NEW.seal <> coalesce(last.seal, 0) + 1 OR NEW.prev <> coalesce(last.hash, repeat('0', 64)) OR NEW.at < last.at
    THEN
        RAISE EXCEPTION 'seal % does not follow', NEW.seal USING ERRCODE = 'serialization_failure';
    END IF;
    SELECT count(*) AS heads,
           '[' || string_agg('[' || to_json(h.incident) || ',' || h.seq || ',"' || h.hash || '"]', ','
                             ORDER BY h.incident) || ']' AS listed
      INTO covered FROM incident.heads h WHERE h.seal = NEW.seal;
    IF NEW.heads <> covered.heads OR NEW.digest <> encode(sha256(convert_to(covered.listed, 'UTF8')), 'hex')
       OR NEW.hash <> encode(sha256(convert_to(
           '{"at":"' || NEW.at || '","digest":"' || NEW.digest || '","heads":' || NEW.heads || ',"prev":"' || NEW.prev
           || '","seal":' || NEW.seal || '}', 'UTF8')), 'hex') THEN
        RAISE EXCEPTION 'seal % is not over its heads', NEW.seal USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    for statement in (SEALS, HEADS, HEADS_OF, HEAD_FOLLOWS, SEAL_FOLLOWS):
        op.execute(statement)
    for table, function in (("heads", "refuse_head"), ("seals", "refuse_seal")):
        op.execute(
            f"CREATE TRIGGER follows BEFORE INSERT ON incident.{table} "
            f"FOR EACH ROW EXECUTE FUNCTION incident.{function}()"
        )
        op.execute(
            f"CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON incident.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION incident.refuse_change()"
        )
        # ALWAYS: a session that calls itself a replica fires no ordinary trigger.
        for trigger in ("follows", "only_grows"):
            op.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    raise NotImplementedError("The journal only grows. There is no way back.")
