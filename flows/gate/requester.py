"""Who asked for an incident, and how far that is known.

Prefect's open-source server has one shared login, so a name among a run's parameters is a claim. Two kinds are known:

- a person whose own key signed exactly this opening, and
- a machine (a watch, a drill) that announced it in the journal first, where only we can write.

Each proof counts for one incident. A one-time code is not taken here: it would stand among the run's parameters, and
whoever reads them could be the first to approve something with it.
"""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from flows.gate.proof import SIGNED, SIGNED_WITHIN, mac, matches
from flows.journal import AlreadyRecorded, Entry, HeldElsewhere, Journal, kinds
from tasks.environment import Environment
from tasks.model import Row, digest

ANNOUNCED = "announced:"


class How(enum.StrEnum):
    """How far it is known who asked."""

    NOBODY = "nobody"  # a machine did, by what is declared
    PROVED = "proved"
    CLAIMED = "claimed"


@dataclass(frozen=True, kw_only=True)
class Requester:
    """Who asked. `name` is a person's on the roster, a machine's, or whatever was claimed, which may be nothing."""

    how: How
    name: str = ""

    @property
    def known(self) -> bool:
        return self.how is not How.CLAIMED

    @property
    def proved(self) -> bool:
        return self.how is How.PROVED

    def body(self) -> Row:
        return {"how": self.how.value, "name": self.name}


# Where nobody asked, or it does not matter who did.
NOBODY = Requester(how=How.NOBODY)


def recorded(opened: Entry | None) -> Requester:
    """Who asked, as it was recorded when the incident was opened; what an older release opened is not known."""
    body: Any = opened.body.get("requester") if opened else None
    return Requester(how=How(body["how"]), name=str(body["name"])) if body else Requester(how=How.CLAIMED)


def opening(runbook: str, environment: str, reason: str, parameters: Row | None = None) -> Row:
    """What is asked for: the part of an incident's opening that a proof is about."""
    return {"runbook": runbook, "environment": environment, "reason": reason, "parameters": parameters or {}}


def announce(journal: Journal, machine: str, asked: Row) -> str:
    """The `requester` of a run that `machine` is about to create.

    Raises:
        JournalUnavailable: nothing is opened without the record.
    """
    token = secrets.token_hex(16)
    with journal.hold(f"openings/{token}") as log:
        log.append(machine, "announced", kinds.Announced(asked=digest(asked)))
    return f"{ANNOUNCED}{token}"


def sign_opening(key: SecretStr, name: str, asked: Row, at: datetime) -> str:
    """The `requester` of a run that this person is about to create: HMAC-SHA256 over all that is asked for."""
    return f"{name} {SIGNED}:{at.isoformat()}:{_mac(key, name, asked, at)}"


def requester(
    said: str, asked: Row, incident: str, created: datetime, place: Environment, journal: Journal
) -> Requester:
    """Who asked for `incident`, whose run was created at that moment with these words about it.

    Raises:
        JournalUnavailable: nothing may be opened without the record.
    """
    if said.startswith(ANNOUNCED):
        return _machine(said.removeprefix(ANNOUNCED), asked, incident, journal)
    name, _, proof = said.partition(f" {SIGNED}:")
    claimed = Requester(how=How.CLAIMED, name=name.strip()[:100])
    person = place.approvers.get(name)
    moment, _, signature = proof.rpartition(":")
    if person is None or person.key is None or not signature:
        return claimed
    try:
        at = datetime.fromisoformat(moment)
        fresh = abs(at - created) <= SIGNED_WITHIN
    except (ValueError, TypeError):  # TypeError: a moment without a zone cannot be compared
        return claimed
    genuine = fresh and matches(_mac(person.key, name, asked, at), signature)
    # Last: what proves it is used up.
    return Requester(how=How.PROVED, name=name) if genuine and _first(journal, signature[:32], incident) else claimed


def _machine(token: str, asked: Row, incident: str, journal: Journal) -> Requester:
    # Anybody may have written the token: no other chain of the journal is looked at.
    found = journal.read(f"openings/{token}") if token.isalnum() and token.isascii() else ()
    genuine = bool(found) and found[0].is_a(kinds.Announced) and found[0].body["asked"] == digest(asked)
    if genuine and _first(journal, token, incident):
        return Requester(how=How.NOBODY, name=found[0].actor)
    return Requester(how=How.CLAIMED)


def _first(journal: Journal, token: str, incident: str) -> bool:
    """Is this the incident for which the proof counts? Asked again for the same, as after a crash, it still is."""
    try:
        with journal.hold(f"openings/{token}") as log:
            log.append("engine", "taken", kinds.OpenedBy(by=incident))
    except AlreadyRecorded as taken:
        return taken.entry.body["by"] == incident
    except HeldElsewhere:
        return False
    return True


def _mac(key: SecretStr, name: str, asked: Row, at: datetime) -> str:
    return mac(key, {"opening": asked, "requester": name, "at": at.isoformat()})
