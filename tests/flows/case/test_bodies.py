"""Do findings and plans come out of the journal as they went in?"""

from __future__ import annotations

import json
import uuid

import pytest
from pydantic import SecretStr

from flows.case.bodies import finding_body, finding_from, plan_body, plan_digest, plan_from
from flows.journal import Journal, Redactor
from tasks.model import BlastRadius, Command, Finding, Plan, Risk, Row, Verdict, canonical
from tests.flows.raw import Raw

ROWS: list[Row] = [
    {"pid": 7, "waits_s": 41.5, "query": "SELECT 1", "behind": [3, 1], "application": "payroll"},
    {"pid": 8, "waits_s": 2.5, "query": "SELECT 2", "behind": [], "zone": "b", "application": ""},
]
FINDING = Finding(verdict=Verdict.BAD, says="Two wait.", value=41.5, unit="s", facts={"waiting": 2}, rows=ROWS)
PLAN = Plan(
    does="End the session.",
    commands=(Command(line="SELECT 1", target={"pid": 7}),),
    blast_radius=BlastRadius(touched=1, total=2, noun="sessions"),
    risk=Risk.LOW,
    loses="",
    evidence=tuple(ROWS),
)


@pytest.fixture
def journal(journal_url: str) -> Journal:
    return Journal(SecretStr(journal_url), Redactor([]))


def kept(journal: Journal, body: Row) -> Row:
    incident = str(uuid.uuid4())
    with journal.hold(incident) as log:
        log.append("engine", "kept", Raw("note", body))
    return journal.read(incident)[0].body


def older(body: Row) -> Row:
    """As an older release wrote it, and the journal gives it back."""
    written: Row = json.loads(canonical({name: part for name, part in body.items() if name != "columns"}))
    return written


def columns(rows: object) -> list[list[str]]:
    assert isinstance(rows, list | tuple)
    return [list(row) for row in rows]


def test_it_keeps_a_finding_and_the_order_of_its_columns(journal: Journal) -> None:
    body = kept(journal, finding_body(FINDING))
    assert columns(body["rows"]) != columns(ROWS), "canonical JSON sorts them"
    found = finding_from(body)
    assert found == FINDING
    assert columns(found.rows)[0] == ["pid", "waits_s", "query", "behind", "application"]
    # As a table shows them: what the first row does not have comes last.
    assert columns(found.rows)[1] == ["pid", "waits_s", "query", "behind", "application", "zone"]


def test_it_keeps_a_plan_and_the_order_of_its_columns(journal: Journal) -> None:
    plan = plan_from(kept(journal, plan_body(PLAN)))
    assert plan == PLAN
    assert columns(plan.evidence)[0] == ["pid", "waits_s", "query", "behind", "application"]


def test_it_loses_no_column_whose_name_was_not_recorded() -> None:
    body = {**finding_body(FINDING), "columns": ["query", "gone"]}
    assert sorted(columns(finding_from(body).rows)[0]) == sorted(ROWS[0])


def test_it_reads_what_an_older_release_wrote() -> None:
    assert finding_from(older(finding_body(FINDING))) == FINDING
    assert plan_from(older(plan_body(PLAN))) == PLAN


def test_it_counts_an_answer_to_what_an_older_release_asked() -> None:
    asked = older(plan_body(PLAN))
    digest = plan_digest("91d7", "End it?", "It hangs.", asked)
    assert plan_digest("91d7", "End it?", "It hangs.", plan_body(plan_from(asked))) == digest
