"""Where the state of one machine lives. Every path below the state folder is named here and nowhere else."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from deployments.trouble import CannotStart
from deployments.unprivileged import Drop, way

# macOS allows 103 bytes for a socket's path, and supervisor adds a dot and its process id while it makes one.
SOCKET_PATH_BYTES = 103 - len(".4194304")


class NotOurs(CannotStart):
    """A folder we need exists and belongs to somebody else."""


@dataclass(frozen=True)
class Part:
    """The files of one supervised set of processes: the stack's, or the lab's."""

    folder: Path

    @property
    def state(self) -> Path:
        """What is remembered between starts: ports and passwords. 0600."""
        return self.folder / f"{self.folder.name}.json"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def config(self) -> Path:
        return self.folder / "supervisord.conf"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    def beside(self, name: str) -> Path:
        """What a server beside the lab's Postgres keeps: its certificates, its log, and what it is told."""
        return self.folder / name

    @property
    def socket(self) -> Path:
        """Supervisor's socket; outside the state folder when its path would be too long for a socket."""
        inside = self.folder / "supervisor.sock"
        if len(os.fsencode(inside)) <= SOCKET_PATH_BYTES:
            return inside
        mark = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        # Not TMPDIR: it may differ between who starts and who asks, and is long on macOS.
        return Path("/tmp") / f"incident-{os.getuid()}-{mark}" / "supervisor.sock"  # noqa: S108 - made private below

    def log(self, program: str) -> Path:
        return self.folder / "logs" / f"{program}.log"

    def program(self, name: str) -> Path:
        """What the leash reads: command, environment, directory. 0600, for it holds secrets."""
        return self.folder / "programs" / f"{name}.json"

    def create(self) -> None:
        """Make the folders, closed to others.

        Raises:
            NotOurs: the socket's folder in the temporary directory was made by somebody else.
        """
        # `nobody` has to pass through to its data folder; everything else below is closed by itself.
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711 if way() is Drop.NOBODY else 0o700)
        for private in (self.log("").parent, self.program("").parent):
            private.mkdir(mode=0o700, exist_ok=True)
        if self._socket_is_outside:
            _private(self.socket.parent)

    def clear(self) -> None:
        """Take away what stands outside the state folder, once nothing runs any more."""
        if self._socket_is_outside:
            with contextlib.suppress(OSError):
                self.socket.parent.rmdir()

    @property
    def _socket_is_outside(self) -> bool:
        return self.socket.parent != self.folder


def _private(folder: Path) -> None:
    # Anyone could have made this name in the temporary directory before us.
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NotOurs(f"{folder}: not a folder of yours that only you can enter. Remove it, or shorten INCIDENT_HOME.")


@dataclass(frozen=True)
class Home:
    """The state folder: INCIDENT_HOME, or `.incident` in the current directory."""

    root: Path

    @classmethod
    def find(cls) -> Home:
        return cls(Path(os.environ.get("INCIDENT_HOME") or ".incident").absolute())

    @property
    def config(self) -> Path:
        """The user's own environments: INCIDENT_CONFIG, or `environments.toml` in the current directory."""
        return Path(os.environ.get("INCIDENT_CONFIG") or "environments.toml").absolute()

    @property
    def stack(self) -> Part:
        return Part(self.root / "stack")

    @property
    def lab(self) -> Part:
        return Part(self.root / "lab")

    @property
    def lab_environment(self) -> Path:
        """The running lab's environment, read beside the user's own."""
        return self.lab.folder / "environment.toml"

    @property
    def records(self) -> Path:
        """Post-mortem drafts and exported journals."""
        return self.root / "records"

    @property
    def prefect(self) -> Path:
        """Prefect's own folder, so that a person's Prefect profiles are neither read nor changed."""
        return self.stack.folder / "prefect"

    @property
    def temporary(self) -> Path:
        """TMPDIR of the worker: Prefect keeps a folder of one fixed name there, which the first user to come owns."""
        return self.stack.folder / "tmp"

    def create(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711 if way() is Drop.NOBODY else 0o700)
