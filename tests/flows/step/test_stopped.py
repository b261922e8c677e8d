"""Stopped by somebody after it was approved, with no worker left to end it: nothing is begun any more."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort
from prefect.states import Cancelled, Cancelling

from flows.case.question import Answer, Question
from flows.people import handling
from tests.flows.room import Room, said


def _force(state: State) -> Callable[[str], object]:
    def force(incident: str) -> object:
        with get_client(sync_client=True) as client:
            return client.set_flow_run_state(UUID(incident), state, force=True)

    return force


def _delete(incident: str) -> None:
    with get_client(sync_client=True) as client:
        client.delete_flow_run(UUID(incident))


@pytest.mark.parametrize(
    "stop", [_force(Cancelling()), _force(Cancelled()), _delete], ids=["cancelling", "cancelled", "deleted"]
)
def test_it_begins_nothing_that_was_approved_and_stopped(room: Room, stop: Callable[[str], object]) -> None:
    def stopped_meanwhile(question: Question) -> Answer:
        room.incident = question.incident
        stop(question.incident)
        return said(question)

    with pytest.raises(Abort, match="nothing further is done"):
        room.live(stopped_meanwhile)
    assert room.count("tried") == 0
    assert "intent" not in room.kinds()
    assert "closed" not in room.kinds()


def test_it_begins_nothing_that_a_person_closed_while_prefect_was_away(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word of a person is on record, though nobody could cancel the run at that moment."""

    def closed_meanwhile(question: Question) -> Answer:
        room.incident = question.incident
        with monkeypatch.context() as away:
            away.setattr(handling, "cancel", lambda incident: None)
            handling.close(room.journal, question.incident, "zoe", "A false alarm.")
        return said(question)

    with pytest.raises(Abort, match="A person closed this incident"):
        room.live(closed_meanwhile)
    assert room.count("tried") == 0
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(room.incident)).state
    assert state is not None
    assert state.is_cancelling()
