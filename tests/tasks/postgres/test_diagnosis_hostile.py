"""Every question of every runbook answers where names were chosen to hurt, and runs nothing that a name says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flows.case.bodies import finding_body
from runbooks.model import AnyCheck
from tasks.model import Threshold, Verdict, canonical
from tests.tasks.postgres.conftest import Stage
from tests.tasks.postgres.hostile_tables import hostile
from tests.tasks.postgres.questions import QUESTIONS, again, ask, every_question, place

Limits = dict[str, dict[str, Threshold]]
EAGER: Limits = {
    asked.name: {
        name: Threshold(warn=1e-9, bad=1e-8, because="Owner: this test.")
        for name, limit in asked.thresholds.items()
        if limit.bad > limit.warn
    }
    for asked in QUESTIONS
}


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def bad_names(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with hostile(request.getfixturevalue(request.param)) as stage:
        yield stage


@every_question
@pytest.mark.parametrize("limits", [{}, EAGER], ids=["usual", "eager"])
def test_it_answers_whatever_things_are_called(asked: AnyCheck, bad_names: Stage, limits: Limits) -> None:
    where = place(bad_names.door(), limits)

    first = ask(asked, where)
    second = again(asked, where, first)

    for finding in (first, second):
        # Not to be told is an answer, if it says what makes it visible; not to be understood by the server is none.
        assert finding.verdict is not Verdict.UNKNOWN or finding.remedy, finding.says
        assert "SQLSTATE" not in f"{finding.says} {finding.rows}"
        canonical(finding_body(finding))
    assert bad_names.admin("SELECT sings FROM canary") == [(True,)]
