#!/usr/bin/env bash
# `to_wire()` without a limit holds an answer to the size its asker wants of UDP, also where it is meant for TCP.
#
# Versions: dnspython 2.9.2 from PyPI.
# Source:   dns/message.py (`to_wire`: max_size 0 becomes `request_payload`, which make_response takes from the query's
#           EDNS size); RFC 6891, 6.2.3: that size is of UDP messages.
# Guess:    without `max_size` a message of up to 65,535 bytes is written.
# Seen:     dns.exception.TooBig as soon as the answer is longer than the query's EDNS size (1232 by default), and a
#           server that catches it for UDP fails a second time over TCP. What works: to_wire(max_size=65535) for TCP.
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
import sys
from collections.abc import Callable

import dns.exception
import dns.message
import dns.rrset

TEXT = " ".join(['"' + "x" * 200 + '"'] * 20)


def written(edns: bool, write: Callable[[dns.message.Message], bytes]) -> str:
    query = dns.message.make_query("shop.example.", "TXT", use_edns=0 if edns else -1, payload=1232)
    said = dns.message.make_response(query)
    said.answer.append(dns.rrset.from_text("shop.example.", 300, "IN", "TXT", TEXT))
    try:
        return "whole" if len(write(said)) > 4000 else "cut"
    except dns.exception.TooBig:
        return "TooBig"


seen = {
    "to_wire(), asked with EDNS": written(True, lambda said: said.to_wire()),
    "to_wire(), asked without": written(False, lambda said: said.to_wire()),
    "to_wire(max_size=65535)": written(True, lambda said: said.to_wire(max_size=65535)),
}
for how, what in seen.items():
    print(f"{how}: {what}")
sys.exit(list(seen.values()) != ["TooBig", "whole", "whole"])
PY
