"""A log of logins, a block list in a file, and a firewall that is a script with a list of its own."""

from __future__ import annotations

import stat
import sys
import time
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tasks.blocking.system import Blocking
from tasks.logs.system import LogFile, Logs
from tests.tasks.logs.writing import pino

# Each entry with the moment until which it counts, as a kernel's set keeps it.
FIREWALL = """\
import pathlib, sys, time
here = pathlib.Path(sys.argv[0]).with_name("firewall.set")
verb, *given = sys.argv[1:]
entries = dict(line.split() for line in here.read_text().splitlines()) if here.exists() else {}
if verb == "list":
    print("table inet filter { set blocked { type ipv4_addr; flags timeout")
    print("elements = { " + ", ".join(entries) + " } } }")
elif verb == "add":
    entries[given[0]] = str(time.time() + int(given[1]))
elif verb == "del":
    if given[0] not in entries:
        sys.exit("no such element")
    del entries[given[0]]
here.write_text("".join(f"{name} {until}\\n" for name, until in entries.items()))
"""


@dataclass
class Place:
    """Where somebody tries passwords."""

    folder: Path

    @property
    def list(self) -> Path:
        return self.folder / "blocked.conf"

    @property
    def logs(self) -> Logs:
        return Logs(
            files=(LogFile(service="api", path=self.folder / "app.log"),), proxies=(ip_network("203.0.113.0/28"),)
        )

    def by_file(self, **more: Any) -> Blocking:
        given = {"file": self.list, "line": "deny {address};", "never": ["198.51.100.0/24"], "hours": 4, **more}
        return Blocking.model_validate(given)

    def by_command(self, **more: Any) -> Blocking:
        script = self.folder / "firewall"
        script.write_text(f"#!{sys.executable}\n{FIREWALL}")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        verbs = {
            "block": [str(script), "add", "{address}", "{seconds}"],
            "lift": [str(script), "del", "{address}"],
            "listed": [str(script), "list"],
        }
        return Blocking.model_validate({**verbs, "never": ["198.51.100.0/24"], "hours": 4, **more})

    def refused(self, address: str, times: int, ago_s: float = 5, msg: str = "login failed", **more: Any) -> None:
        with (self.folder / "app.log").open("a") as file:
            line = pino(40, msg, time.time() - ago_s, ip=address, user="ada@example.com", **more)
            file.write(f"{line}\n" * times)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "app.log").touch()
    (tmp_path / "blocked.conf").write_text("# by hand\ndeny 192.0.2.200; # for ever\n")
    return Place(tmp_path)
