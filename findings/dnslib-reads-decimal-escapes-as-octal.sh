#!/usr/bin/env bash
# dnslib takes the numbers behind a backslash in a zone file for octal; DNS means decimal. Most of the time another
# character comes out, and nothing is said.
#
# Versions: dnslib 0.9.26, dnspython 2.9.2, both from PyPI.
# Source:   dnslib/lex.py (`WordLexer` reads three digits with base 8); RFC 1035, section 5.1: \DDD is a decimal number.
# Guess:    what one writes as text (dnspython's `to_text`, a provider's export) the other reads back: a key, a policy
#           or a name in UTF-8 is the same bytes in a test's zone as in the real one.
# Seen:     "\065" is A, and dnslib makes it 5; "a\046b" is a.b, and becomes a&b. With a digit 8 or 9 in it, as in any
#           ü of UTF-8, it is a ValueError that names base 8 and neither line nor record. A backslash before a blank or
#           a semicolon, outside of quotes, is kept as a backslash, and the text ends there. What works: quote every
#           text, write bytes above 126 in no zone, or build the record from bytes: TXT([b"…"]).
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, the packages cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check dnslib==0.9.26 dnspython==2.9.2 2>/dev/null ||
    { echo "needs dnslib 0.9.26 and dnspython 2.9.2 from PyPI"; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import sys

from dns.rdata import from_text
from dnslib import RR

GUESSED = {
    r'"\065"': [b"A"],
    r'"a\046b"': [b"a.b"],
    r'"f\195\188r"': ["für".encode()],
    r"v=DMARC1\;p=none": [b"v=DMARC1;p=none"],
    r"one\ word": [b"one word"],
    r'"back\\slash"': [b"back\\slash"],
}
SEEN = {
    r'"\065"': [b"5"],
    r'"a\046b"': [b"a&b"],
    r'"f\195\188r"': "ValueError",
    r"v=DMARC1\;p=none": [b"v=DMARC1\\"],
    r"one\ word": [b"one\\", b"word"],
    r'"back\\slash"': [b"back\\slash"],
}


def by_dnslib(text: str) -> object:
    try:
        return [bytes(one) for one in RR.fromZone(f"a.example. 60 IN TXT {text}")[0].rdata.data]
    except ValueError as error:
        return type(error).__name__


found = {text: by_dnslib(text) for text in GUESSED}
for text, guess in GUESSED.items():
    print(f"{text}: dnspython {list(from_text('IN', 'TXT', text).strings)}, dnslib {found[text]}")
    assert list(from_text("IN", "TXT", text).strings) == guess
sys.exit(found != SEEN)
PY
