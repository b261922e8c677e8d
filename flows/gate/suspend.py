"""Asking through Prefect: the run suspends, its process ends, and Resume brings the answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort, Pause
from prefect.input import RunInput
from prefect.input.actions import delete_flow_run_input, read_flow_run_input
from prefect.input.run_input import keyset_from_paused_state
from prefect.states import Suspended
from prefect.utilities.engine import propose_state_sync
from pydantic import Field, create_model
from pydantic.config import JsonDict

from flows.case.question import Answer, Question
from flows.run.clock import now
from flows.told.show import story


class Approval(RunInput):
    """The form behind Resume, without its plan."""

    decision: Literal["approve", "skip", "reject"] = Field(
        title="Decision",
        description="approve: do exactly this. skip: leave this step out. reject: leave it out and stop the runbook.",
    )
    name: str = Field(
        title="Your name", description="As it stands on the environment's roster.", min_length=1, max_length=100
    )
    note: str = Field(default="", title="Note", description="Why? Kept in the record.", max_length=2000)


# Asked only where a name alone does not count.
CODE = Field(
    default="",
    title="One-time code",
    description="The six digits your authenticator shows for incident. Each code counts once.",
    max_length=200,
)


def form(question: Question) -> type[Approval]:
    """The form for exactly this question. One from a page left open names another plan, and the server refuses it."""
    # Required, though it is filled in. One value to choose: both interfaces draw it as a list nobody can mistype.
    chosen: JsonDict = {"default": question.digest, "enum": [question.digest]}
    plan = Field(title="Plan shown above (leave it as it is)", json_schema_extra=chosen)
    fields: dict[str, Any] = {"plan": (str, plan)}
    if question.proof:
        fields["code"] = (str, CODE)
    made = create_model("Approval", __base__=Approval, **fields)
    made._description = story(question)
    return made


class SuspendedRun:
    """Asks by suspending the flow run it runs in."""

    def __init__(self, flow_run: UUID) -> None:
        self.flow_run = flow_run

    def ask(self, question: Question) -> Answer | None:
        """The answer, once the run was resumed under this question; until then the process ends here."""
        answer, suspended = self._given(question)
        if answer or suspended or now() > question.expires_at:
            return answer
        raise self._suspended(question)

    def _suspended(self, question: Question) -> Pause:
        """Suspend the run; what is returned ends this process until somebody answers.

        1. The run is suspended, without a timeout: the server would mark it Failed. Expiry is ours: "do nothing".
           From here on the server refuses every answer, until
        2. the form is saved, not before: Prefect 3.9.1 would remove it then. A process that dies in between leaves a
           run without a form, which the recoverer finds and has ask again.
        """
        state: State[Any] = Suspended(pause_key=question.pause_key)
        keys = keyset_from_paused_state(state)
        state.state_details.run_input_keyset = dict(keys)  # type: ignore[arg-type]  # its keys are texts too
        for key in keys.values():
            # Left by a process that died here, or written by somebody who wants another plan to be shown.
            if read_flow_run_input(key, flow_run_id=self.flow_run) is not None:
                delete_flow_run_input(key, flow_run_id=self.flow_run)
        with get_client(sync_client=True) as client:
            accepted = propose_state_sync(client, state, flow_run_id=self.flow_run)
        if not accepted.is_paused():
            raise Abort(f"The run was made {accepted.name} by somebody else meanwhile; its state is left alone.")
        form(question).save(keys, self.flow_run)
        return Pause(state=accepted)

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
            proof=str(said.get("code", ""))[:200],
            # The server's own clock, written when Resume was accepted: not what the answer claims.
            decided_at=decided_at,
            via="prefect",
        )


def _asked_at(states: list[State[Any]], question: Question) -> int | None:
    for at, state in enumerate(states):
        if state.state_details.pause_key == question.pause_key:
            return at
    return None
