"""Bringing an answer to a suspended run. Whether it counts is decided by the run itself, in the gate."""

from __future__ import annotations

import time
from uuid import UUID

from flows.case.question import Decision, Question

# The question is recorded a moment before the run is suspended.
SUSPENDS_WITHIN_S = 30.0


class NotWaiting(Exception):
    """The run does not wait for this answer: it was answered already, has ended, or never suspended."""


def reply(question: Question, decision: Decision, name: str, note: str, proof: str = "") -> None:
    """Resume the run that asks `question` with an answer to exactly that question.

    `proof` is a one-time code or a signature (flows/gate/proof.py); where a name is enough, nothing.

    Raises:
        NotWaiting: somebody was faster, or the run is not suspended under this question.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.responses import SetStateStatus
    from prefect.exceptions import PrefectHTTPStatusError

    run = UUID(question.incident)
    said = {"decision": decision.value, "name": name, "note": note, "plan": question.digest}
    if proof:
        said["code"] = proof
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + SUSPENDS_WITHIN_S
        while not (_waits(state := client.read_flow_run(run).state, question) and _has_form(question)):
            on_its_way = state is not None and not state.is_final()
            if not on_its_way or time.monotonic() > deadline:
                name_of_state = state.name if state else "unknown"
                raise NotWaiting(
                    f"Incident {question.incident[:8]} does not wait for this answer (it is {name_of_state})."
                )
            time.sleep(0.2)
        try:
            response = client.resume_flow_run(run, run_input=said)
        except PrefectHTTPStatusError as error:
            # Two answers at one moment, or one written past the form: the row is taken.
            raise NotWaiting(
                f"Prefect did not take the answer ({error.response.status_code}): another may have been written for "
                f"incident {question.incident[:8]}. Look again in some seconds with `incident approve`."
            ) from error
    if response.status is not SetStateStatus.ACCEPT:
        reason = getattr(response.details, "reason", "no reason given")
        raise NotWaiting(f"Incident {question.incident[:8]} did not take the answer: {reason}")


def _has_form(question: Question) -> bool:
    """The state says Suspended a moment before the form is saved, and until then the server refuses answers."""
    from prefect.input.actions import read_flow_run_input

    return (
        read_flow_run_input(f"suspended-{question.pause_key}-schema", flow_run_id=UUID(question.incident)) is not None
    )


def _waits(state: object, question: Question) -> bool:
    details = getattr(state, "state_details", None)
    return getattr(state, "name", "") == "Suspended" and getattr(details, "pause_key", None) == question.pause_key
