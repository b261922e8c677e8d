#!/usr/bin/env bash
# A name server that refuses a signed update without signing its answer makes dnspython raise FormError: the code of the
# answer, which says why, is not to be had.
#
# Versions: dnspython 2.9.2 from PyPI.
# Source:   dns/message.py (`read`: "response requires a TSIG but does not have one"); RFC 8945, 5.3.2: where the key is
#           not known the answer is not signed; and a server without update support answers REFUSED or NOTIMP, unsigned.
# Guess:    the answer comes back, and its rcode is REFUSED or NOTAUTH.
# Seen:     dns.exception.FormError, the same for each code. What works: take FormError for "does not know our key, or
#           takes no updates", and do not take the update for done or not done: nobody signed the answer.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, dnspython cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check dnspython==2.9.2 2>/dev/null ||
    { echo "needs dnspython 2.9.2 from PyPI"; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import socket
import sys
import threading

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
codes = [dns.rcode.REFUSED, dns.rcode.NOTAUTH]


def refuse() -> None:
    for code in codes:
        asked, who = udp.recvfrom(4096)
        # No more is read than what it is about, as by a server that does not know the key.
        said = dns.message.make_response(dns.message.from_wire(asked, question_only=True))
        said.set_rcode(code)
        udp.sendto(said.to_wire(), who)


threading.Thread(target=refuse, daemon=True).start()
keyring = dns.tsigkeyring.from_text({"key": "c2VjcmV0c2VjcmV0c2VjcmV0"})
seen = []
for code in codes:
    update = dns.update.UpdateMessage("shop.example", keyring=keyring)
    update.add("www", 300, "A", "192.0.2.1")
    try:
        told = dns.query.udp(update, "127.0.0.1", port=udp.getsockname()[1], timeout=20)
        seen.append(dns.rcode.to_text(told.rcode()))
    except dns.exception.DNSException as error:
        seen.append(f"{type(error).__name__}: {error}")
    print(f"{dns.rcode.to_text(code)} without a signature: {seen[-1]}")
sys.exit(seen != ["FormError: response requires a TSIG but does not have one"] * 2)
PY
