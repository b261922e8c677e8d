"""Postgres refuses to run as root: how a process that is root stops being so, without making a user."""

from __future__ import annotations

import ctypes
import enum
import functools
import os
import pwd
import subprocess
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
INSIDE_ID = 1000  # any id that is not 0


class Drop(enum.StrEnum):
    """How a server stops being root."""

    NONE = "none"
    # Inside its own user namespace it is an ordinary user; outside its files stay root's, so that data and binaries
    # may lie under root's 0700 home.
    NAMESPACE = "namespace"
    # Where namespaces are forbidden (Docker's default seccomp profile): needs folders that `nobody` can reach.
    NOBODY = "nobody"


@functools.cache
def way() -> Drop:
    """What this machine needs, found by trying."""
    if os.geteuid() != 0:
        return Drop.NONE
    if sys.platform != "linux":
        return Drop.NOBODY
    command = [sys.executable, "-P", "-m", "deployments.leash", "--drop", Drop.NAMESPACE, "--", "id", "-u"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return Drop.NAMESPACE if tried.stdout.strip() == str(INSIDE_ID) else Drop.NOBODY


def drop(how: Drop) -> None:
    """Stop being root in this process, for good. Call it with one thread only, before exec."""
    if how is Drop.NAMESPACE:
        _enter_namespace()
    if how is Drop.NOBODY:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)


def _enter_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare(CLONE_NEWUSER): {os.strerror(number)}")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE_ID} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE_ID} {group} 1")
