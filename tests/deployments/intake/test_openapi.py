"""Our own OpenAPI description is true: whatever is asked by it is answered by it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.deployments.intake.conftest import SECRET, Served
from tests.left_out import examples

TRUE = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)
PROVED = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}


@pytest.mark.strict("Each answer it names is had by a test of its own.")
def test_it_answers_as_it_is_described(served: Served) -> None:
    described = schemathesis.openapi.from_dict(served.client.get(f"{served.url}/openapi.json").json())
    asked, answered = [], set()
    for result in described.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: Case[Any]) -> None:
            for known in (False, True):
                if known and "source" in (case.path_parameters or {}):
                    # Past the door: what a sender who is proved may still write.
                    case.path_parameters["source"] = "alertmanager"
                answer = case.call(base_url=served.url, headers=PROVED if known else {}, timeout=30)
                case.validate_response(answer, checks=list(TRUE))
                answered.add(answer.status_code)

        ask()
        asked.append(operation.label)
    posts = ["POST /alerts/{source}", "POST /alerts/{source}/{key}"]
    ours = [
        "GET /health",
        "GET /metrics",
        "GET /metrics/series",
        "GET /sources",
        "GET /clock",
        "POST /sources/{name}/test",
    ]
    assert asked == [*posts, *ours]
    assert {200, 400, 401} <= answered
    assert served.journal.alerts.newest() == []
