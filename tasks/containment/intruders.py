"""Logins that come from networks which try passwords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.application.access.logins import Login, lately
from tasks.application.system import ApplicationDatabase
from tasks.blocking.attackers import judged
from tasks.logs.attempts import Attempts, attempts
from tasks.logs.origin import Network
from tasks.logs.system import Logs
from tasks.model import Threshold, Verdict


@dataclass(frozen=True, kw_only=True)
class Intruders:
    """The networks that try passwords, and the logins from there, of so many in all."""

    seen: Attempts
    networks: frozenset[Network]
    inside: Sequence[Login]
    logins: int


def intruders(logs: Logs, application: ApplicationDatabase, of_one: Threshold) -> Intruders:
    """
    Raises:
        CannotLook, Refused: the application does not tell.
    """
    seen, there = attempts(logs), lately(application)
    networks = frozenset(one.network for one in seen.sources.values() if judged(one, of_one) is Verdict.BAD)
    return Intruders(
        seen=seen,
        networks=networks,
        inside=[one for one in there if one.address in networks],
        logins=len(there),
    )
