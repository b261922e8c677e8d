"""The lab's own name server: it answers for the zones in its folder, over UDP and TCP, and takes signed updates.

Started as a script, by its path: `python name_server.py FOLDER PORT`. FOLDER holds `NAME.zone` files (RFC 1035), and
may hold `key.json`: `name` and `secret` of the one who may change them (RFC 2136, signed as RFC 8945 has it). What was
changed is written back.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socketserver
import struct
import sys
import threading
from pathlib import Path
from typing import Any, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.versioned
import dns.zone

KEY = "key.json"
SUFFIX = ".zone"
LONGEST_CHAIN = 8
PATIENCE_S = 10.0
PLAIN_UDP = 512
# Said each time: without it dnspython takes the size that the asker wants of UDP, over TCP, too.
LONGEST = 65_535


class Zones:
    """Everything the server answers for. A reader never sees half an update."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._turn = threading.Lock()
        self.served: dict[dns.name.Name, dns.versioned.Zone] = {}
        for file in sorted(folder.glob(f"*{SUFFIX}")):
            self.load(file.name.removesuffix(SUFFIX), file.read_text(encoding="utf-8"))
        self.keyring: dict[dns.name.Name, dns.tsig.Key] = {}
        with contextlib.suppress(FileNotFoundError):
            told = json.loads((folder / KEY).read_text(encoding="utf-8"))
            self.keyring = dns.tsigkeyring.from_text({told["name"]: told["secret"]})

    def load(self, origin: str, text: str) -> None:
        """Answer for `origin` from now on, by what its file says."""
        zone = dns.zone.from_text(text, origin=origin, relativize=False, zone_factory=dns.versioned.Zone)
        self.served[dns.name.from_text(origin)] = cast("dns.versioned.Zone", zone)

    def of(self, name: dns.name.Name) -> dns.versioned.Zone | None:
        """The zone `name` belongs to: the closest one above it."""
        while True:
            if found := self.served.get(name):
                return found
            if name == dns.name.root:
                return None
            name = name.parent()

    def update(self, zone: dns.versioned.Zone, asked: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        """Do what an update says, all of it or nothing (RFC 2136, 3)."""
        if any(wanted.ttl for wanted in asked.prerequisite):
            return dns.rcode.FORMERR
        with self._turn:
            with zone.writer() as writer:
                for wanted in asked.prerequisite:
                    if (code := _misses(writer, wanted)) is not None:
                        writer.rollback()
                        return code
                if not _required(writer, asked):
                    writer.rollback()
                    return dns.rcode.NXRRSET
                for change in asked.update:
                    _change(writer, change)
                writer.update_serial(name=zone.origin)
            text = zone.to_text(relativize=False)
            file = self.folder / f"{zone.origin.to_text(omit_final_dot=True) if zone.origin else ''}{SUFFIX}"
            new = file.with_suffix(".new")
            new.write_text(text if isinstance(text, str) else text.decode(), encoding="utf-8")
            new.rename(file)
        return dns.rcode.NOERROR


def _required(writer: Any, asked: dns.update.UpdateMessage) -> bool:
    """Are the record sets exactly those which the update was made for? (RFC 2136, 3.2.3)"""
    wanted: dict[tuple[dns.name.Name, Any], set[Any]] = {}
    for one in asked.prerequisite:
        if one.deleting is None:
            wanted.setdefault((one.name, one.rdtype), set()).update(one)
    return all(set(writer.get(name, kind) or ()) == records for (name, kind), records in wanted.items())


def _misses(writer: Any, wanted: dns.rrset.RRset) -> dns.rcode.Rcode | None:
    """What is answered where something must be there and is not, or the other way round (RFC 2136, 3.2.1 and 2)."""
    if wanted.rdtype == dns.rdatatype.ANY:
        there = writer.name_exists(wanted.name)
        if wanted.deleting == dns.rdataclass.ANY:
            return None if there else dns.rcode.NXDOMAIN
        return dns.rcode.YXDOMAIN if there else None
    there = writer.get(wanted.name, wanted.rdtype) is not None
    if wanted.deleting == dns.rdataclass.NONE:
        return dns.rcode.YXRRSET if there else None
    return None if there or wanted.deleting is None else dns.rcode.NXRRSET


def _change(writer: Any, change: dns.rrset.RRset) -> None:
    if change.deleting == dns.rdataclass.ANY:
        if change.rdtype == dns.rdatatype.ANY:
            writer.delete(change.name)
        else:
            writer.delete(change.name, change.rdtype)
    elif change.deleting == dns.rdataclass.NONE:
        writer.delete(change.name, change.to_rdataset())
    else:
        writer.add(change)


def answer(zones: Zones, wire: bytes) -> dns.message.Message | None:
    """What is said to a message; None where nothing can be."""
    try:
        asked = dns.message.from_wire(wire, keyring=zones.keyring)
    except (dns.message.UnknownTSIGKey, dns.tsig.BadSignature, dns.tsig.BadTime, dns.tsig.BadKey):
        return _refusal(wire, dns.rcode.NOTAUTH)
    except dns.exception.DNSException:
        return None
    if len(asked.question) != 1:
        return None
    said = dns.message.make_response(asked)
    said.flags &= ~dns.flags.RA
    zone = zones.of(asked.question[0].name)
    if isinstance(asked, dns.update.UpdateMessage):
        may = asked.had_tsig and zone is not None and zone.origin == asked.question[0].name
        said.set_rcode(zones.update(zone, asked) if may and zone is not None else dns.rcode.REFUSED)
    elif zone is None or asked.opcode() != dns.opcode.QUERY:
        said.set_rcode(dns.rcode.REFUSED)
    else:
        said.flags |= dns.flags.AA
        _fill(zones, zone, said, asked.question[0])
    return said


def _refusal(wire: bytes, code: dns.rcode.Rcode) -> dns.message.Message:
    """Said to whose signature we cannot verify: no more is read of it than what it is about."""
    said = dns.message.make_response(dns.message.from_wire(wire, question_only=True))
    said.set_rcode(code)
    return said


def _fill(zones: Zones, zone: dns.versioned.Zone, said: dns.message.Message, asked: dns.rrset.RRset) -> None:
    name, seen = asked.name, 0
    while True:
        with zone.reader() as reader:
            if found := reader.get(name, asked.rdtype):
                said.answer.append(dns.rrset.from_rdata_list(name, found.ttl, list(found)))
                return
            alias = reader.get(name, dns.rdatatype.CNAME)
        if alias and seen < LONGEST_CHAIN:
            said.answer.append(dns.rrset.from_rdata_list(name, alias.ttl, list(alias)))
            name, seen = next(iter(alias)).target, seen + 1
            if (further := zones.of(name)) is None:
                return
            zone = further
            continue
        if not any(there.is_subdomain(name) for there in zone.nodes):
            said.set_rcode(dns.rcode.NXDOMAIN)
        if zone.origin and (start := zone.get_rdataset(zone.origin, dns.rdatatype.SOA)):
            said.authority.append(dns.rrset.from_rdata_list(zone.origin, start.ttl, list(start)))
        return


class Datagram(socketserver.BaseRequestHandler):
    """A question over UDP; what does not fit is asked for again over TCP."""

    def handle(self) -> None:
        wire, line = self.request
        if (said := answer(self.server.zones, wire)) is None:  # type: ignore[attr-defined]
            return
        most = max(PLAIN_UDP, said.request_payload)
        try:
            told = said.to_wire(max_size=most)
        except dns.exception.TooBig:
            for section in (said.answer, said.authority, said.additional):
                section.clear()
            said.flags |= dns.flags.TC
            told = said.to_wire(max_size=LONGEST)
        line.sendto(told, self.client_address)


class Stream(socketserver.StreamRequestHandler):
    """Questions over TCP, as many as come."""

    timeout = PATIENCE_S

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while len(length := self.rfile.read(2)) == 2:
                said = answer(self.server.zones, self.rfile.read(struct.unpack("!H", length)[0]))  # type: ignore[attr-defined]
                if said is None:
                    return
                told = said.to_wire(max_size=LONGEST)
                self.wfile.write(struct.pack("!H", len(told)) + told)


class OverTcp(socketserver.ThreadingTCPServer):
    """A thread for each connection: one that stays open keeps nobody waiting."""

    daemon_threads = True
    allow_reuse_address = True


class NameServer:
    """Both servers on one port; port 0 takes one that is free."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.zones = Zones(folder)
        self._tcp = OverTcp(("127.0.0.1", port), Stream)
        self.port: int = self._tcp.server_address[1]
        self._udp = socketserver.UDPServer(("127.0.0.1", self.port), Datagram)
        for one in (self._tcp, self._udp):
            one.zones = self.zones  # type: ignore[union-attr]

    def start(self) -> None:
        for one in (self._tcp, self._udp):
            threading.Thread(target=one.serve_forever, daemon=True).start()

    def stop(self) -> None:
        for one in (self._tcp, self._udp):
            one.shutdown()
            one.server_close()


def main(folder: Path, port: int) -> None:
    server = NameServer(folder, port)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    server.start()
    over.wait()
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
