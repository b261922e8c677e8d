"""A name server on loopback that says what a test wants it to, over UDP and over TCP, and counts."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

# From the question and whether it came over TCP to the answer; None: silence, or an end of the connection.
Say = Callable[[dns.message.QueryMessage, bool], dns.message.Message | bytes | None]


class Replying:
    """Where it is, and how often it was asked for what.

    A question that is sent again, because its answer took a while, is the same question: it has the same number.
    """

    def __init__(self, say: Say) -> None:
        self.say, self._numbers, self._turn = say, defaultdict[tuple[str, str], set[int]](set), threading.Lock()
        self.at = ""

    def answer(self, wire: bytes, over_tcp: bool) -> bytes | None:
        query = dns.message.from_wire(wire)
        assert isinstance(query, dns.message.QueryMessage)
        asked = query.question[0]
        with self._turn:
            self._numbers[asked.name.to_text(), dns.rdatatype.to_text(asked.rdtype)].add(query.id)
        said = self.say(query, over_tcp)
        return said.to_wire(max_size=65_535) if isinstance(said, dns.message.Message) else said

    def times(self, name: str, kind: str) -> int:
        return self.asked[name, kind]

    @property
    def asked(self) -> dict[tuple[str, str], int]:
        """How many questions there were, by name and kind."""
        return defaultdict(int, {key: len(numbers) for key, numbers in self._numbers.items()})


@contextmanager
def replying(say: Say) -> Iterator[Replying]:
    here = Replying(say)

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if (said := here.answer(self.request[0], False)) is not None:
                self.request[1].sendto(said, self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            wire = self.rfile.read(struct.unpack("!H", self.rfile.read(2))[0])
            if (said := here.answer(wire, True)) is not None:
                self.wfile.write(struct.pack("!H", len(said)) + said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Stream) as tcp:
        port = tcp.server_address[1]
        with socketserver.ThreadingUDPServer(("127.0.0.1", port), Datagram) as udp:
            for server in (tcp, udp):
                server.daemon_threads = True
                threading.Thread(target=server.serve_forever, daemon=True).start()
            here.at = f"127.0.0.1:{port}"
            yield here
            for server in (tcp, udp):
                server.shutdown()


def reply(
    query: dns.message.QueryMessage, *sets: str, code: int = 0, authoritative: bool = True
) -> dns.message.Message:
    """An answer with records, each 'name ttl kind data'."""
    said = dns.message.make_response(query)
    said.set_rcode(dns.rcode.Rcode.make(code))
    said.flags |= dns.flags.RA | (dns.flags.AA if authoritative else 0)
    for text in sets:
        name, ttl, kind, data = text.split(" ", 3)
        said.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
    return said
