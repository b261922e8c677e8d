"""A database whose owner put a schema of their own before pg_catalog: whoever looks a name up there runs their code.

Harmless: what is caught only says in the server's log what was called, and by whom.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import Server
from tests.tasks.postgres.conftest import Stage, staged

# One for each function, operator, table and view of pg_catalog: of the same name, with the same types.
_TRAPS = """
CREATE ROLE villain; GRANT CREATE ON DATABASE {database} TO villain; SET ROLE villain;
CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.caught(pg_catalog.text) RETURNS bool LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN RAISE WARNING 'CAUGHT % by %', $1, current_user; RETURN false; END $$;
DO $do$
DECLARE
    f record;
    body text := $b$BEGIN RAISE WARNING 'CAUGHT %s by %%', current_user; RETURN%s; END$b$;
BEGIN
    SET LOCAL search_path = pg_catalog;
    SET LOCAL check_function_bodies = off;
    FOR f IN
        SELECT p.proname, pg_get_function_arguments(p.oid) AS takes, pg_get_function_result(p.oid) AS gives, p.proretset
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.proargmodes IS NULL
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql STABLE AS %L',
                f.proname, f.takes, f.gives, format(body, f.proname, CASE WHEN NOT f.proretset THEN ' NULL' END));
        EXCEPTION WHEN OTHERS THEN NULL;  -- takes or gives what only the server's own functions may
        END;
    END LOOP;
    FOR f IN
        SELECT o.oprname AS name, 'op' || o.oid AS does, o.oprleft::regtype::text AS l, o.oprright::regtype::text AS r,
            o.oprresult::regtype::text AS gives
        FROM pg_operator o WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft <> 0
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION evil.%I(%s, %s) RETURNS %s LANGUAGE plpgsql STABLE AS %L',
                f.does, f.l, f.r, f.gives, format(body, 'operator ' || replace(f.name, '%', '%%'), ' NULL'));
            EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%I)',
                f.name, f.l, f.r, f.does);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR f IN
        SELECT c.relname AS name FROM pg_class c
        WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
    LOOP
        BEGIN
            EXECUTE format('CREATE VIEW evil.%I AS SELECT * FROM pg_catalog.%I WHERE evil.caught(%L)',
                f.name, f.name, f.name);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR f IN SELECT unnest(ARRAY['text', 'float8', 'int8', 'timestamptz', 'oid', 'name', 'regclass', 'jsonb']) AS name
    LOOP
        EXECUTE format('CREATE DOMAIN evil.%I AS pg_catalog.%I CHECK (evil.caught(%L) IS NOT NULL)', f.name, f.name,
            'type ' || f.name);
    END LOOP;
END $do$;
GRANT SELECT ON ALL TABLES IN SCHEMA evil TO PUBLIC;
"""
_CAUGHT = re.compile(r"WARNING:  CAUGHT (.+) by (\w+)")

Caught = Callable[[], list[str]]


@contextmanager
def captured(
    server: Server, *prepared: str, before: Callable[[Stage], None] | None = None
) -> Iterator[tuple[Stage, Caught]]:
    """A staged database, prepared first; and what of ours was caught since that was last asked: 'what by whom'."""
    with staged(server) as stage:
        if before:
            before(stage)
        for statement in prepared:
            stage.admin(statement)
        database = stage.admin_url.rpartition("/")[2]
        stage.admin("DROP ROLE IF EXISTS villain")
        stage.admin(_TRAPS.replace("{database}", database))
        stage.admin(f"ALTER DATABASE {database} SET search_path = evil, pg_catalog, public")
        data = server.cluster.folder
        log = data.with_name(f"{data.name}.log")
        try:
            yield stage, _since(log)
        finally:
            stage.stack.close()
            stage.admin("SET search_path = pg_catalog; DROP OWNED BY villain CASCADE; DROP ROLE villain")


def _since(log: Path) -> Caught:
    at = log.stat().st_size

    def caught() -> list[str]:
        nonlocal at
        with log.open("rb") as file:
            file.seek(at)
            said = file.read()
            at = file.tell()
        found = {f"{what} by {who}" for what, who in _CAUGHT.findall(said.decode("utf-8", "replace"))}
        return sorted(one for one in found if not one.endswith(" by postgres"))

    return caught
