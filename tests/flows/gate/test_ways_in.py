"""Every way in, tried by somebody who cannot prove who they are, in a room where a name alone does not count.

Where each attack is shown ("here": this file and test_ways_in_live; the others are beside it or in tests/deployments):

attack                         | Prefect's UI | Prefect's API           | incident approve | incident run
no input, not what is asked    | here (form)  | test_gate               | here             | here
wrong code                     | here         | here, test_proof        | here             | here
replayed code, another incident| test_proof   | here                    | test_proof       | test_proof
unknown person, role too low   | test_gate    | test_gate, test_incident| test_cli_incident| test_cli_incident
same person twice, own request | test_proof   | test_proof              | test_requester   | test_proof
forged signature               | -            | test_proof              | here             | test_proof
another plan's answer          | the form     | test_gate, test_binding | test_proof       | test_incident
input or answer in advance     | -            | test_gate               | -                | -
state forced, resumed twice    | -            | test_gate, here         | -                | -
a hundred at the same instant  | -            | here                    | -                | -
after expiry                   | test_gate    | test_gate               | test_gate        | test_incident
parameters edited meanwhile    | here (API)   | here                    | -                | -
deployment, pool, run edited   | test_worker  | test_worker             | -                | -
cancelled, deleted             | test_survival| test_survival           | -                | -
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from prefect.exceptions import ParameterBindError
from prefect.states import Running

from flows.case.question import Decision
from flows.gate.reply import reply
from tests.flows.gate.test_gate import STEP, Gate, gate
from tests.flows.gate.test_proof import code
from tests.flows.room import SLUG

__all__ = ["gate"]

EDITS: list[dict[str, Any]] = [
    # Where a name is enough, a name is given.
    {"runbook": SLUG, "environment": "room"},
    {"runbook": "house/dark-stage", "environment": "guarded"},
    {"runbook": SLUG, "environment": "guarded", "severity": "P3"},
    {},
]


@pytest.mark.parametrize("edited", EDITS, ids=["environment", "runbook", "severity", "nothing left"])
def test_it_opens_to_nobody_who_edits_the_run_while_it_waits(gate: Gate, edited: dict[str, Any]) -> None:
    question = gate.open("guarded")
    gate.client.request("PATCH", "/flow_runs/{id}", path_params={"id": gate.id}, json={"parameters": edited})
    assert gate.client.read_flow_run(gate.id).parameters == edited
    reply(question, Decision.APPROVE, "ana", "a name should be enough now")
    with contextlib.suppress(ParameterBindError):
        gate.execute()
    assert gate.room.count("tried") == 0
    assert not [entry for entry in gate.room.entries if entry.kind in ("answered", "intent")]


def test_it_opens_to_no_code_that_was_given_to_another_incident(gate: Gate) -> None:
    """Seen in the one's run input by somebody who reads Prefect's API, and given to the other."""
    used = code("ana")
    reply(gate.open("guarded"), Decision.REJECT, "ana", "no", used)
    gate.execute()
    assert gate.room.entry(f"{STEP}/closed")["fate"] == "rejected"
    reply(gate.open("guarded"), Decision.APPROVE, "ana", "yes", used)
    again = gate.asked()
    assert again.refused.startswith("The one-time code was used already.")
    forced: State[Any] = Running()
    gate.force(forced)
    gate.execute()
    assert gate.room.count("tried") == 0
