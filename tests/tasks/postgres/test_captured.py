"""Nothing of ours runs what a database's owner named like the server's own: no question, no action, no fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from runbooks.catalog import Catalog
from runbooks.model import AnyCheck
from tasks.action import Action
from tasks.fault import Fault
from tasks.model import Refused, Verdict
from tasks.parameters import systems_of
from tasks.postgres.connections.faults import TakeAllSlots
from tasks.postgres.indexes.faults import DropIndexUnderLoad
from tasks.postgres.locks.checks import check_blocked_sessions
from tasks.postgres.statements.faults import LetReportRunAway
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.captured import Caught, captured
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.questions import again, ask, every_question, place

PREPARED = (
    "CREATE EXTENSION pg_stat_statements; GRANT CREATE ON SCHEMA public TO app;"
    "ALTER TABLE leads OWNER TO app; ALTER TABLE leads ADD name text; GRANT app TO actor;"
    "CREATE INDEX leads_status ON leads (status); CREATE INDEX leads_status_too ON leads (status);"
    "INSERT INTO leads (email, status) SELECT 'bulk' || n, 'new' FROM generate_series(1, 20000) n;"
    "UPDATE leads SET status = 'old';"
    "CREATE TABLE email_sends AS SELECT n AS id, n % 90 AS lead_id, repeat('x', 800) AS body "
    "FROM generate_series(1, 11000) n;"
    "CREATE INDEX email_sends_lead_id ON email_sends (lead_id); ALTER TABLE email_sends OWNER TO app;"
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO actor, reader",
    *["SELECT count(*), pg_sleep(0.2) FROM leads WHERE status = 'lost'"] * 6,
)


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def trapped(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, Caught]]:
    with captured(request.getfixturevalue(request.param), *PREPARED) as ready:
        yield ready


def actions() -> list[Action]:
    """The catalog's, those that change a Postgres and nothing else, each once."""
    found = {step.action.name: step.action for entry in Catalog.load() for step in entry.runbook.action_steps}
    return [one for one in found.values() if _of_postgres(one.plan)]


def faults() -> list[Fault]:
    found = {type(drill.fault).__name__: drill.fault for entry in Catalog.load() for drill in entry.runbook.drills}
    # The one takes every slot there is; of the rest these have smaller twins, which do the same.
    smaller = {
        "LetReportRunAway": LetReportRunAway("leads", "leads"),
        "DropIndexUnderLoad": DropIndexUnderLoad(visitors=1),
    }
    found |= {name: one for name, one in smaller.items() if name in found}
    return [one for one in found.values() if _of_postgres(one.cause) and not isinstance(one, TakeAllSlots)]


def _of_postgres(verb: object) -> bool:
    systems = systems_of(verb)  # type: ignore[arg-type]
    return bool(systems) and set(systems.values()) == {PostgresServer}


def test_the_traps_work(trapped: tuple[Stage, Caught]) -> None:
    stage, caught = trapped
    stage.session("app").execute("SELECT lower('X') FROM pg_stat_activity WHERE pid = 1 AND 'x'::text IS NOT NULL")

    assert {"operator = by app", "pg_stat_activity by app", "type text by app"} & set(caught())


@every_question
def test_no_question_runs_it(asked: AnyCheck, trapped: tuple[Stage, Caught]) -> None:
    stage, caught = trapped
    where = place(stage.door())
    caught()

    first = ask(asked, where)
    again(asked, where, first)

    assert caught() == []
    assert "SQLSTATE" not in first.says


def test_a_view_of_theirs_does_not_make_it_healthy(trapped: tuple[Stage, Caught]) -> None:
    stage, caught = trapped
    holder = stage.begins("billing-worker", "UPDATE public.leads SET status = status WHERE id OPERATOR(pg_catalog.=) 1")
    waiter = stage.session("web-1")
    stage.queues(waiter, "UPDATE public.leads SET status = status WHERE id OPERATOR(pg_catalog.=) 1")
    try:
        until(lambda: ask(check_blocked_sessions, place(stage.door())).verdict is not Verdict.OK, "somebody waits")
    finally:
        holder.rollback()
    caught()


@pytest.mark.parametrize("action", actions(), ids=lambda action: action.name)
def test_no_action_runs_it(action: Action, trapped: tuple[Stage, Caught]) -> None:
    stage, caught = trapped
    caught()

    with suppress(Refused):  # most have nothing to do here, or no right
        plan = action.plan(stage.door())
        if plan.commands:
            action.apply(stage.door(), plan)
            action.applied(stage.door(), plan)

    assert caught() == []


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: type(fault).__name__)
def test_no_fault_runs_it(fault: Fault, trapped: tuple[Stage, Caught]) -> None:
    stage, caught = trapped
    caught()

    door = stage.door().model_copy(update={"application_url": stage.url("app")})
    trouble = fault.cause(door)
    fault.cure(trouble)

    assert caught() == []
