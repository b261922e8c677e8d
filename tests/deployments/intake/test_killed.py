"""A storm while intake, Prefect and Postgres are killed: nothing is lost or doubled, counted from both ends."""

from __future__ import annotations

import threading
import time
from uuid import UUID

import psycopg
import pytest
from prefect.client.orchestration import get_client

from deployments.programs import INTAKE, POSTGRES, PREFECT
from deployments.stack import Stack
from tests.deployments.intake.storm import deliveries, kill, send
from tests.deployments.intake.test_by_itself import site
from tests.deployments.processes import wait_until

__all__ = ["site"]

pytestmark = pytest.mark.strict("A whole stack in a storm; test_once and test_dispatcher prove each part.")
PROBLEMS = 8


def test_each_problem_is_one_incident_whatever_is_killed_in_the_storm(site: tuple[Stack, int]) -> None:
    stack, port = site
    bodies = list(deliveries(2_000, PROBLEMS))
    killer = threading.Thread(target=kill, args=(stack, INTAKE, POSTGRES, PREFECT, INTAKE), kwargs={"pause_s": 1.5})
    # The first are accepted, so that something is there when it begins.
    first = send(port, bodies[:200])
    killer.start()
    sent = first + send(port, bodies[200:])
    killer.join()
    assert len(sent) == len(bodies)
    assert max(one.attempts for one in sent) > 1, "nothing was ever killed"

    def runs() -> list[str]:
        with psycopg.connect(stack.journal_url) as session:
            return [str(run) for (run,) in session.execute("SELECT run FROM incident.dispatched")]

    wait_until(lambda: len(runs()) >= PROBLEMS, "each problem has its run", 120)
    time.sleep(6)  # a dispatcher looks again
    with psycopg.connect(stack.journal_url) as session:
        kept = session.execute(
            "SELECT count(*), count(opening), count(DISTINCT more->>'title') FROM incident.alerts"
        ).fetchone()
        stored = session.execute("SELECT count(*) FROM incident.deliveries").fetchone()
        openings = session.execute("SELECT count(*) FROM incident.openings").fetchone()
    assert kept is not None
    assert (kept[0], kept[1]) == (len(bodies), len(bodies))
    assert (stored, openings) == ((len(bodies),), (PROBLEMS,))
    assert len(set(runs())) == len(runs()) == PROBLEMS
    with get_client(sync_client=True) as client:
        assert all(client.read_flow_run(UUID(run)).deployment_id for run in runs())
        assert client.count_flow_runs() == PROBLEMS
