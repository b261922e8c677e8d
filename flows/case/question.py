"""What is asked at the gate, and what somebody answered. Nothing is decided here."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from flows.case.bodies import plan_from
from flows.journal import Entry, kinds
from tasks.model import Plan


class Decision(enum.StrEnum):
    """Approve: do exactly this plan. Skip: leave this step out. Reject: leave it out and stop the runbook."""

    APPROVE = "approve"
    SKIP = "skip"
    REJECT = "reject"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is asked."""

    incident: str
    environment: str
    key: str
    title: str
    reason: str
    plan: Plan
    digest: str
    expires_at: datetime
    # When what is shown was seen.
    seen_at: datetime | None = None
    refused: str = ""
    # How many different people it takes, and who has approved so far.
    people: int = 1
    approved_by: tuple[str, ...] = ()
    # Why so many, where the number alone would leave them wondering.
    quorum: str = ""
    # May an answer have to be proved there? Somebody's, or everybody's.
    proof: bool = False

    @property
    def pause_key(self) -> str:
        """Names this question in Prefect, which allows letters, digits and dashes; never used twice within a run."""
        return self.key.replace("/", "-")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody said. Nothing in it is believed before `refusal` has looked at it."""

    decision: str
    name: str
    note: str
    digest: str
    decided_at: datetime
    via: str
    # A one-time code or a signature: see flows/gate/proof.py. Never recorded.
    proof: str = field(default="", repr=False)


class Asker(Protocol):
    """A way to ask. It may end the process until an answer is there; None means there is none.

    An answer that is there already is returned even if its question has expired since: it was given in time or not,
    and `settle` sees which. An expired question is not asked again.
    """

    def ask(self, question: Question) -> Answer | None: ...


# A run without a deployment cannot be suspended; the command line puts its terminal here.
local_asker: ContextVar[Asker] = ContextVar("local_asker")


def question_from(asked: Entry, environment: str) -> Question:
    """The question as it was recorded."""
    body = asked.body
    return Question(
        incident=asked.incident,
        environment=environment,
        key=asked.key.removesuffix("/asked"),
        title=str(body["title"]),
        reason=str(body["reason"]),
        plan=plan_from(body["plan"]),  # type: ignore[arg-type]
        digest=str(body["digest"]),
        expires_at=datetime.fromisoformat(str(body["expires_at"])),
        seen_at=datetime.fromisoformat(str(body.get("seen_at") or asked.at)),
        refused=str(body["refused"]),
        people=int(str(body.get("people", 1))),
        approved_by=tuple(map(str, body.get("approved_by", ()))),  # type: ignore[arg-type]
        quorum=str(body.get("quorum", "")),
        proof=bool(body.get("proof")),
    )


def open_question(entries: Iterable[Entry]) -> Question | None:
    """The question an incident waits at, if it waits."""
    recorded = {entry.key: entry for entry in entries}
    if "closed" in recorded:
        return None
    environment = str(recorded["opened"].body["environment"]) if "opened" in recorded else ""
    for key, entry in reversed(recorded.items()):
        # One planned under a standing approval that no longer holds after a restart waits for a person, too.
        if entry.is_a(kinds.Asked, kinds.Planned) and f"{key.removesuffix('/asked')}/answered" not in recorded:
            return question_from(entry, environment)
    return None
