"""A thousand domains in one round of ours; beside checkdmarc's own bulk run over the same names, in the same run.

    python -m tests.benchmarks.domains [DOMAINS] [--way MILLISECONDS] [--json FILE]

Both ask one name server on loopback, whose answers take as long as those of a resolver near by (20 ms; 0 shows what is
left when nobody has to be waited for). checkdmarc comes from PyPI, into an environment of its own. Its bulk run asks
more of each domain (MX, NS, SOA, DNSSEC, MTA-STS, TLS-RPT, BIMI), so that its SPF and DMARC alone are timed, too; ours
asks SPF, DKIM and DMARC.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import dns.message

from deployments.lab.name_server import Datagram, NameServer, answer
from deployments.ports import free_port
from tasks.kept import one_question
from tasks.mail_domain.checks import check_user_domains
from tasks.mail_domain.system import UserDomains
from tasks.model import Verdict
from tests.tasks.mail_domain.nameservers import START, txt

VERSION = "checkdmarc==6.0.4"
KEY = "NDWB6pDUVGIW5/2sZDfCDhvCmHhOWbcy5c5eKk5nhR0="
THEIRS = """
import json, sys, time
import checkdmarc, dns.nameserver
names = open(sys.argv[1]).read().split()
asked = [dns.nameserver.Do53Nameserver("127.0.0.1", int(sys.argv[2]))]
begun, spent = time.monotonic(), time.process_time()
if sys.argv[3] == "bulk":
    told = checkdmarc.check_domains(names, nameservers=asked)
    well = sum(one["spf"]["valid"] and one["dmarc"]["valid"] for one in told)
else:
    both = (checkdmarc.check_spf, checkdmarc.check_dmarc)
    well = sum(all(ask(name, nameservers=asked)["valid"] for ask in both) for name in names)
print(json.dumps({"s": time.monotonic() - begun, "cpu_s": time.process_time() - spent, "well": well}))
"""


class Later:
    """Sends what is handed in, each a fixed while later, in their order."""

    def __init__(self, line: socket.socket, way_s: float) -> None:
        self._line, self._way_s = line, way_s
        self._waiting: collections.deque[tuple[float, bytes, Any]] = collections.deque()
        self._come = threading.Semaphore(0)
        threading.Thread(target=self._send, daemon=True).start()

    def hand_in(self, said: bytes, whose: Any) -> None:
        self._waiting.append((time.monotonic() + self._way_s, said, whose))
        self._come.release()

    def _send(self) -> None:
        while self._come.acquire():
            due, said, whose = self._waiting.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            self._line.sendto(said, whose)


def serve(folder: Path, port: int, way_s: float) -> None:
    """The lab's name server, as far away as a resolver is."""

    class FarAway(Datagram):
        def handle(self) -> None:
            wire, line = self.request
            said: dns.message.Message | None = answer(self.server.zones, wire)  # type: ignore[attr-defined]
            later = getattr(self.server, "later", None)
            if later is None:
                self.server.later = later = Later(line, way_s)  # type: ignore[attr-defined]
            if said is not None:
                later.hand_in(said.to_wire(max_size=65_535), self.client_address)

    server = NameServer(folder, port)
    udp: socketserver.UDPServer = server._udp
    udp.RequestHandlerClass = FarAway
    server.start()
    threading.Event().wait()


def zones(folder: Path, number: int) -> Path:
    """So many domains, all well, and the file that names them."""
    bulk = "ns1 IN A 127.0.0.1\nmail IN A 192.0.2.10\n"
    esp = f"{txt('@', 'v=spf1 ip4:192.0.2.0/24 include:more.esp.test -all')}\n"
    esp += f"{txt('more', 'v=spf1 ip4:198.51.100.1 -all')}\n"
    for name, text in {"test": "", "bulk.test": bulk, "esp.test": esp}.items():
        (folder / f"{name}.zone").write_text(f"$TTL 300\n{START}{text}", encoding="utf-8")
    own = [
        "@ IN MX 10 mail.bulk.test.",
        txt("@", "v=spf1 include:esp.test -all"),
        txt("s1._domainkey", f"k=ed25519; p={KEY}"),
    ]
    names = [f"d{n}.test" for n in range(number)]
    for name in names:
        text = "\n".join([*own, txt("_dmarc", f"v=DMARC1; p=reject; rua=mailto:d@{name}")])
        (folder / f"{name}.zone").write_text(f"$TTL 300\n{START}{text}\n", encoding="utf-8")
    file = folder / "names.txt"
    file.write_text("\n".join(names), encoding="utf-8")
    return file


def ours(file: Path, port: int) -> dict[str, float]:
    given = UserDomains(file=file, selectors=("s1",), sends_from=("192.0.2.10",), resolvers=(f"127.0.0.1:{port}",))  # type: ignore[arg-type]
    begun, spent = time.monotonic(), time.process_time()
    with one_question():
        found = check_user_domains.fn(given)
    assert found.verdict is Verdict.OK, found.says
    return {
        "s": time.monotonic() - begun,
        "cpu_s": time.process_time() - spent,
        "well": float(str(found.facts["domains"])),
    }


def theirs(python: Path, file: Path, port: int, what: str) -> dict[str, float]:
    said = subprocess.run(
        [python, "-c", THEIRS, str(file), str(port), what], check=True, capture_output=True, text=True
    )
    told: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return told


def installed(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", VERSION], check=True, capture_output=True)
    return python


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The name server did not start.")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("domains", nargs="?", type=int, default=1000)
    asked.add_argument("--way", type=float, default=20.0)
    asked.add_argument("--json", type=Path)
    asked.add_argument("--serve", nargs=2)
    given = asked.parse_args()
    if given.serve:
        serve(Path(given.serve[0]), int(given.serve[1]), given.way / 1000)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "zones"
        folder.mkdir()
        file, port, python = zones(folder, given.domains), free_port(), installed(Path(temporary) / "theirs")
        again = [
            sys.executable,
            "-m",
            "tests.benchmarks.domains",
            "--way",
            str(given.way),
            "--serve",
            str(folder),
            str(port),
        ]
        with subprocess.Popen(again, env=os.environ) as server:
            try:
                wait_for(port)
                told = {"ours": ours(file, port)}
                told |= {f"checkdmarc, {what}": theirs(python, file, port, what) for what in ("bulk", "spf and dmarc")}
            finally:
                server.terminate()
    for who, one in told.items():
        times = one["s"] / told["ours"]["s"]
        print(f"{who:24} {one['s']:8.1f} s  {one['cpu_s']:7.1f} CPU-s  {one['well']:.0f} well  {times:6.1f} times ours")
    if given.json:
        given.json.write_text(json.dumps({"domains": given.domains, "way_ms": given.way, **told}), encoding="utf-8")


if __name__ == "__main__":
    main()
