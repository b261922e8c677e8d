"""Imagined indexes: what the planner would make of one before it is built. Nothing is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.model import Plan, Threshold
from tasks.postgres.indexes import missing
from tasks.postgres.indexes.actions import CreateMissingIndex
from tasks.postgres.indexes.explain import explain, imagine
from tests.conftest import Server
from tests.left_out import STRICT
from tests.tasks.postgres.conftest import Stage, staged
from tests.tasks.postgres.keeper import keeper

QUICK = Threshold(warn=0.000001, bad=0.00001, because="Owner: this test.")
HYPOPG = Path("/usr/share/postgresql/15/extension/hypopg.control")
STATEMENT = "SELECT * FROM mails WHERE lead = $1"
SCHEMA = 'My "ext.%s'


@pytest.fixture
def imaginative(postgres15: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A database with hypopg, in a schema of an awkward name, and a statement that misses an index."""
    if not HYPOPG.exists():
        said = "postgresql-15-hypopg is not on this machine"
        (pytest.fail if STRICT else pytest.skip)(said)
    monkeypatch.setattr(missing, "LARGE_BYTES", 2**17)
    with staged(postgres15) as stage:
        quoted = SCHEMA.replace('"', '""')
        stage.admin(f'CREATE SCHEMA "{quoted}"; CREATE EXTENSION hypopg SCHEMA "{quoted}"')
        stage.admin(f'GRANT USAGE ON SCHEMA "{quoted}" TO PUBLIC; CREATE EXTENSION pg_stat_statements')
        stage.admin("GRANT CREATE ON SCHEMA public TO app; SET ROLE app; CREATE TABLE mails (id int, lead int)")
        stage.admin("INSERT INTO mails SELECT n, n / 4 FROM generate_series(1, 20000) n; ANALYZE mails")
        session = stage.session("web")
        for n in range(6):
            session.execute(b"SELECT * FROM mails WHERE lead = %s", [n])
        yield stage


def plan(stage: Stage) -> Plan:
    return CreateMissingIndex().plan(keeper(stage), QUICK)


def test_it_shows_what_the_planner_would_gain(imaginative: Stage) -> None:
    made = plan(imaginative)

    assert made.does == (
        "Create an index on lead of public.mails, about 0 MiB, over 20,000 rows; "
        "with it the planner's cost of the statement falls from 339 to 8 (imagined by hypopg)."
    )
    assert made.evidence[0]["plan"] == "Seq Scan on mails (Filter: (mails.lead = $1)), 4 rows expected"
    assert "Index Scan on mails by <" in str(made.evidence[0]["plan_then"])


def test_it_imagines_what_comes_true(imaginative: Stage) -> None:
    postgres = keeper(imaginative)
    imagined = imagine(postgres, STATEMENT, "CREATE INDEX ON public.mails (lead)")
    assert imagined

    CreateMissingIndex().apply(postgres, plan(imaginative))

    real = explain(postgres, STATEMENT)
    assert not isinstance(real, str)
    assert real.cost == pytest.approx(imagined.plan.cost, abs=1)
    assert real.whole_reads == ()


def test_it_builds_no_index_that_the_planner_would_not_use(imaginative: Stage) -> None:
    keeper(imaginative)
    (database,) = imaginative.admin("SELECT current_database()")[0]
    imaginative.admin(f"ALTER ROLE keeper IN DATABASE {database} SET random_page_cost = 100000")

    made = plan(imaginative)

    assert made.commands == ()
    assert "the planner would not use it (hypopg)" in str(made.evidence)


def test_it_leaves_nothing_behind(imaginative: Stage) -> None:
    before = imaginative.admin("SELECT count(*) FROM pg_class")
    with keeper(imaginative).asked_as_actor() as session:
        assert session.run("SHOW transaction_read_only") == [{"transaction_read_only": "on"}]
    plan(imaginative)

    assert imaginative.admin("SELECT count(*) FROM pg_class") == before
    assert explain(keeper(imaginative), STATEMENT) == explain(keeper(imaginative), STATEMENT)


def test_it_does_without_it(stage: Stage) -> None:
    assert imagine(keeper(stage), "SELECT * FROM leads WHERE status = $1", "CREATE INDEX ON leads (status)") is None
