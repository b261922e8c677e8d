"""One attempt for one wrong password, however many questions need a login: servers lock accounts, and ban addresses.

In a run, which is a process: another one that asks at the same time makes an attempt of its own. To tell it, marks of
passwords would have to lie on a disk, where a thief could try words against them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import SecretStr

# Long enough for all questions of one diagnosis, short enough for a password that is right again.
REMEMBERED_S = 8.0

R = TypeVar("R")


class Attempts(Generic[R]):
    """What servers refused lately, in this process. Accounts and passwords are kept as keyed marks only."""

    def __init__(self, remembered_s: float = REMEMBERED_S) -> None:
        self._remembered_s = remembered_s
        self._key = secrets.token_bytes(32)
        self._turns: defaultdict[bytes, threading.Lock] = defaultdict(threading.Lock)
        self._refused: dict[bytes, tuple[float, R]] = {}

    def once(
        self, account: str, password: SecretStr, attempt: Callable[[], R | None], *, until: float, written: int
    ) -> R | None:
        """What `attempt` says against the password; None: nothing. One at a time for each account.

        `written` tells when the password was put where it stands: put there anew, it is tried anew.

        Raises:
            TimeoutError: another attempt takes until `until`, of time.monotonic().
        """
        mark = self._mark(account, password.get_secret_value(), str(written))
        turn = self._turns[self._mark(account)]
        if not turn.acquire(timeout=max(0.0, until - time.monotonic())):
            raise TimeoutError("timed out")
        try:
            self._forget()
            if mark in self._refused:
                return self._refused[mark][1]
            refusal = attempt()
            if refusal is not None:
                self._refused[mark] = (time.monotonic(), refusal)
            return refusal
        finally:
            turn.release()

    def _mark(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), hashlib.sha256)

    def _forget(self) -> None:
        old = time.monotonic() - self._remembered_s
        for mark in [mark for mark, (at, _) in list(self._refused.items()) if at < old]:
            self._refused.pop(mark, None)
