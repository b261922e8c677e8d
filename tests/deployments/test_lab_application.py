"""The lab's application as its own questions see it: healthy from the start, and whenever it comes up again."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import psycopg
import pytest

from deployments.lab import Lab, application
from tasks.application.faults import FailWorkflow, StickQueue, UnsubscribeWave
from tasks.application.reactions.checks import check_unsubscribes
from tasks.application.sending.checks import check_stuck_sends
from tasks.application.system import ApplicationDatabase
from tasks.application.workflows.checks import check_expected_workflows
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment
from tasks.fault import Fault
from tasks.model import Verdict
from tests.tasks.application.questions import IN_NEED, QUESTIONS


@pytest.fixture(scope="module")
def there(lab: Lab) -> Environment:
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.name)
def test_it_answers_each_question_with_health(there: Environment, question: Check[...]) -> None:
    found = question.ask(there)
    assert found.verdict is (Verdict.BAD if question.name in IN_NEED else Verdict.OK), found.says
    assert "nothing to judge" not in found.says


def test_it_fits_its_mapping(there: Environment) -> None:
    door = there.systems["application"]
    assert isinstance(door, ApplicationDatabase)
    assert [(one.verdict, one.says) for one in door.examine() if one.verdict] == []


@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        (StickQueue(), check_stuck_sends),
        (FailWorkflow(), check_expected_workflows),
        (UnsubscribeWave(), check_unsubscribes),
    ],
    ids=lambda one: getattr(one, "name", type(one).__name__),
)
def test_it_can_be_broken_and_mended(there: Environment, fault: Fault, noticed: Check[...]) -> None:
    with fault.during(there):
        assert noticed.ask(there).verdict is Verdict.BAD
    assert noticed.ask(there).verdict is Verdict.OK


def test_its_workflows_went_on_while_it_was_down(lab: Lab) -> None:
    went_on = resources.files(application.__package__).joinpath("meanwhile.sql").read_bytes()
    with psycopg.connect(lab.url("app")) as session:
        session.execute("DELETE FROM workflow_executions WHERE created_at > now() - interval '20 hours'")
        for added in (1200, 0):
            assert session.execute(went_on).rowcount == added
        gap = session.execute(
            "SELECT max(gap) FROM (SELECT created_at - lag(created_at) OVER (PARTITION BY workflow_name ORDER BY "
            "created_at) AS gap FROM workflow_executions) AS g"
        ).fetchone()
        assert gap is not None
        assert gap[0].total_seconds() == 120
        session.rollback()
