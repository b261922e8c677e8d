#!/usr/bin/env bash
# A name server that ends a TCP connection makes dnspython's queries raise a bare EOFError, which neither of the two
# families of errors that one catches there holds.
#
# Versions: dnspython 2.9.2 from PyPI.
# Source:   dns/query.py (`_net_read` raises EOFError); RFC 7766, 6.2: a server may end a connection when it likes to.
# Guess:    what can go wrong with a question over TCP is a DNSException (a time-out, a broken message) or an OSError
#           (refused, reset), so `except (dns.exception.DNSException, OSError)` is enough, as it is over UDP.
# Seen:     EOFError, whose only base is Exception, from `dns.query.tcp` and from `udp_with_fallback` after a truncated
#           answer. A Resolver catches it, and says "answered EOF" within NoNameservers. What works: name EOFError too.
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
from collections.abc import Callable

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.resolver

QUESTION = dns.message.make_query("shop.example.", "TXT")
# One port for both: a short answer over UDP, and over TCP an end.
tcp = socket.create_server(("127.0.0.1", 0))
port = tcp.getsockname()[1]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", port))


def end() -> None:
    while True:
        line, _ = tcp.accept()
        line.recv(512)
        line.close()


def shorten() -> None:
    while True:
        asked, who = udp.recvfrom(4096)
        answer = dns.message.make_response(dns.message.from_wire(asked))
        answer.flags |= dns.flags.TC
        udp.sendto(answer.to_wire(), who)


for serve in (end, shorten):
    threading.Thread(target=serve, daemon=True).start()


def raised(ask: Callable[[], object]) -> tuple[str, bool]:
    """What it raises, and whether whoever catches the two usual families would have caught it."""
    try:
        ask()
    except Exception as error:
        return type(error).__name__, isinstance(error, (dns.exception.DNSException, OSError))
    return "nothing", True


resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], port
seen = {
    "tcp": raised(lambda: dns.query.tcp(QUESTION, "127.0.0.1", port=port, timeout=5)),
    "udp_with_fallback": raised(lambda: dns.query.udp_with_fallback(QUESTION, "127.0.0.1", port=port, timeout=5)),
    "resolver": raised(lambda: resolver.resolve("shop.example.", "TXT", tcp=True, lifetime=5)),
}
for how, (name, caught) in seen.items():
    print(f"{how}: {name}, {'caught' if caught else 'not caught'} as DNSException or OSError")
wanted = {"tcp": ("EOFError", False), "udp_with_fallback": ("EOFError", False), "resolver": ("NoNameservers", True)}
sys.exit(seen != wanted)
PY
