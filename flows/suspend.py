"""Asking through Prefect: the run suspends, its process ends, and Resume brings the answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.input.actions import read_flow_run_input
from pydantic import Field

from flows.gate import Answer, Question
from flows.show import story


class Approval(RunInput):
    """The form behind Resume."""

    decision: Literal["approve", "skip", "reject"] = Field(
        description="approve: do exactly this. skip: leave this step out. reject: leave it out and stop the runbook."
    )
    name: str = Field(description="Your name as it stands on the roster.", min_length=1, max_length=100)
    note: str = Field(default="", description="Why? Kept in the record.", max_length=2000)
    plan: str = Field(default="", description="Which plan you answer. Leave it as it is.", max_length=64)


class SuspendedRun:
    """Asks by suspending the flow run it runs in."""

    def __init__(self, flow_run: UUID) -> None:
        self.flow_run = flow_run

    def ask(self, question: Question) -> Answer | None:
        """The answer, once the run was resumed under this question; until then the process ends here."""
        answer, suspended = self._given(question)
        if answer or suspended:
            return answer
        form = Approval.with_initial_data(description=story(question), plan=question.digest)
        # No timeout: the server would mark the run Failed. Expiry is ours, and means "do nothing".
        suspend_flow_run(wait_for_input=form, key=question.pause_key, timeout=None)
        return self._given(question)[0]

    def _given(self, question: Question) -> tuple[Answer | None, bool]:
        """What was answered to this question, and whether it was ever asked in this way."""
        with get_client(sync_client=True) as client:
            states = sorted(client.read_flow_run_states(self.flow_run), key=lambda state: state.timestamp)
        at = _asked_at(states, question)
        if at is None:
            return None, False
        decided = next((state.timestamp for state in states[at:] if state.name == "Resuming"), None)
        if decided is None:
            return None, True
        return self._read(question, decided), True

    def _read(self, question: Question, decided_at: datetime) -> Answer | None:
        said = read_flow_run_input(f"suspended-{question.pause_key}-response", flow_run_id=self.flow_run)
        if not isinstance(said, dict):
            return None
        return Answer(
            # Whoever reaches the API can write this row past the form's schema: take no more of it than the form would.
            decision=str(said.get("decision", ""))[:20],
            name=str(said.get("name", ""))[:100],
            note=str(said.get("note", ""))[:2000],
            digest=str(said.get("plan", ""))[:64],
            # The server's own clock, written when Resume was accepted: not what the answer claims.
            decided_at=decided_at,
            via="prefect",
        )


def _asked_at(states: list[State[Any]], question: Question) -> int | None:
    for at, state in enumerate(states):
        if state.state_details.pause_key == question.pause_key:
            return at
    return None
