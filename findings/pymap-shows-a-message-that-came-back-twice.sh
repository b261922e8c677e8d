#!/usr/bin/env bash
# pymap's Maildir shows a message that was moved away and back under its old number as well as under its new one.
#
# Versions: pymap 0.36.7 (maildir backend), CPython 3.11. Dovecot 2.3.19 shows it once.
# Source:   pymap/backend/maildir/uidlist.py (a record a key, kept when the message leaves), mailbox.py.
# Guess:    a mailbox of one message, moved to another and back, holds one message, under a new UID (RFC 3501, 2.3.1.1).
# Seen:     UID SEARCH ALL answers two UIDs, and both give the same text. In the folder that it was moved to, none is left.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check pymap==0.36.7 2>/dev/null
mkdir "$folder/base"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from pysasl.hashing import BuiltinHash

with open("base/pymap-etc-passwd", "w") as users, open("base/pymap-etc-shadow", "w") as shadow:
    users.write("app:x::::app:\n")
    shadow.write(f"app:{BuiltinHash().hash('right')}:::::::\n")
PY
port=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
FQDN=localhost "$folder/venv/bin/pymap" --host 127.0.0.1 --port "$port" --no-tls maildir "$folder/base" &
server=$!
"$folder/venv/bin/python" - "$port" <<'PY'
import imaplib
import sys
import time

for _ in range(600):
    try:
        box = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
        break
    except OSError:
        time.sleep(0.1)
box.login("app", "right")
box.create("Aside")
box.append("INBOX", "", "", b"Message-ID: <one@example.com>\r\n\r\nHello.\r\n")
box.select("INBOX")
box.uid("MOVE", box.uid("SEARCH", "ALL")[1][0].decode(), "Aside")
box.select("Aside")
box.uid("MOVE", box.uid("SEARCH", "ALL")[1][0].decode(), "INBOX")
aside = box.uid("SEARCH", "ALL")[1][0].split()
box.select("INBOX")
inbox = box.uid("SEARCH", "ALL")[1][0].split()
print(f"INBOX: {len(inbox)} UIDs of one message; Aside: {len(aside)}")
sys.exit(0 if (len(inbox), len(aside)) == (2, 0) else "It behaves otherwise now.")
PY
