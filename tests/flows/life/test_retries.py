"""Prefect itself asks a check again, or does not: on the session's real Prefect server."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.check import check
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Finding, Refused, Verdict


def asked_times(error: Exception) -> tuple[int, Any]:
    """How often Prefect asked a check that raises `error` the first time, and what came of it."""
    from prefect import flow

    tries: list[int] = []

    @check
    def check_moody() -> Finding:
        """Is it in the mood?"""
        tries.append(1)
        if len(tries) == 1:
            raise error
        return Finding(verdict=Verdict.OK, says="It is.")

    @flow
    def ask() -> Any:
        task = check_moody.task(Environment(name="here", kind=Kind.LAB)).with_options(retry_delay_seconds=0)
        return task.submit().result(raise_on_failure=False)

    result = ask()
    return len(tries), result


@pytest.mark.usefixtures("prefect_server")
def test_it_asks_again_when_the_system_did_not_let_itself_be_asked() -> None:
    tries, result = asked_times(CannotLook("Later."))
    assert (tries, result.says) == (2, "It is.")


@pytest.mark.usefixtures("prefect_server")
def test_it_does_not_ask_again_what_was_refused() -> None:
    tries, result = asked_times(Refused("No such role."))
    assert (tries, str(result)) == (1, "No such role.")


@pytest.mark.usefixtures("prefect_server")
def test_it_does_not_ask_again_what_took_its_time_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that hangs would hang again, and everybody waits for the last answer."""
    monkeypatch.setattr("tasks.check.AGAIN_WITHIN_S", 0.0)
    tries, result = asked_times(CannotLook("It did not answer within 8 s."))
    assert (tries, str(result)) == (1, "It did not answer within 8 s.")
