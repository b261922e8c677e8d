"""Missing indexes: found in the plan, built without locking anybody out, and taken back."""

from __future__ import annotations

import psycopg
import pytest

from tasks.model import BlastRadius, CannotLook, Plan, Refused, Risk, Threshold, Verdict
from tasks.postgres.indexes import missing
from tasks.postgres.indexes.actions import CreateMissingIndex, DropIndex
from tasks.postgres.indexes.checks import check_invalid_indexes, check_missing_indexes
from tasks.postgres.indexes.missing import index_name
from tasks.postgres.indexes.work import index_state
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage
from tests.tasks.postgres.keeper import keeper

QUICK = Threshold(warn=0.000001, bad=0.00001, because="Owner: this test.")
HOSTILE = 'Robert"; DROP TABLE leads; --ü%s'
COLUMN = 'we "ird.%(x)s'


def q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing, "LARGE_BYTES", 2**17)


def table(stage: Stage, name: str = "mails", column: str = "lead", how: str = "") -> None:
    """A table of the application's, and a statement that reads it whole for a few rows."""
    stage.admin(f"GRANT CREATE ON SCHEMA public TO app; SET ROLE app; CREATE TABLE {q(name)} "
                f"(id int, {q(column)} int, kind int) {how}")  # fmt: skip
    if how:
        stage.admin(f"SET ROLE app; CREATE TABLE part PARTITION OF {q(name)} DEFAULT")
    rows = "SELECT n, n / 4, n % 2 FROM generate_series(1, 20000) n"
    stage.admin(f"INSERT INTO {q(name)} {rows}; ANALYZE {q(name)}")
    stage.admin("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")


def asks(stage: Stage, name: str = "mails", column: str = "lead", where: str = "= %s") -> None:
    session = stage.session("web")
    for n in range(6):
        begins = f"SELECT * FROM {q(name)} WHERE {q(column)} ".replace("%", "%%")  # noqa: S608
        session.execute((begins + where).encode(), [n])


def plan(stage: Stage) -> Plan:
    return CreateMissingIndex().plan(keeper(stage), QUICK)


def test_it_finds_the_column_in_the_plan(stage: Stage) -> None:
    """On 15, too, which has no EXPLAIN (GENERIC_PLAN)."""
    table(stage)
    asks(stage)

    found = check_missing_indexes.fn(keeper(stage), QUICK)

    assert found.verdict is Verdict.WARN
    assert found.says == '1 missing: an index on lead of public.mails, for SELECT * FROM "mails" WHERE "lead" = $1'
    assert "Seq Scan on mails (Filter: (mails.lead = $1))" in str(found.rows[0]["plan"])


@pytest.mark.parametrize(
    ("column", "where", "why"),
    [
        ("kind", "= %s", "half of the table is wanted: reading it whole is right"),
        ("lead", "> %s", "a range has no column that surely helps"),
        ("lead", "IS DISTINCT FROM %s", "no equality"),
    ],
)
def test_it_does_not_call_for_an_index_that_would_not_help(stage18: Stage, column: str, where: str, why: str) -> None:
    table(stage18)
    asks(stage18, column=column, where=where)

    assert plan(stage18).commands == (), why


def test_it_leaves_small_tables_alone(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing, "LARGE_BYTES", 8 * 2**20)
    table(stage18)
    asks(stage18)

    assert check_missing_indexes.fn(keeper(stage18), QUICK).verdict is Verdict.OK


def test_it_says_of_which_statement_it_cannot_be_told(stage: Stage) -> None:
    table(stage)
    asks(stage)
    stage.admin("ALTER TABLE mails OWNER TO boss")

    found = check_missing_indexes.fn(keeper(stage), QUICK)

    assert found.verdict is Verdict.UNKNOWN
    # Whether it is slow now is another question's to say.
    assert found.says.startswith(
        "1 statement slow on average since counted, not necessarily now: which index is missing cannot be told."
    )
    assert "does not allow keeper to do this: permission denied for table mails" in found.says
    assert found.remedy.startswith("Explain it by hand")
    assert plan(stage).commands == ()


def test_it_does_not_guess_among_namesakes(stage18: Stage) -> None:
    table(stage18)
    asks(stage18)
    stage18.admin("CREATE SCHEMA other; CREATE TABLE other.mails (lead int)")

    made = plan(stage18)

    assert made.commands == ()
    assert "There are several tables mails" in str(made.evidence)


def test_it_builds_no_index_on_a_partitioned_table(stage18: Stage) -> None:
    table(stage18, how="PARTITION BY LIST (kind)")
    asks(stage18)

    made = plan(stage18)

    assert made.commands == ()
    assert "is partitioned" in str(made.evidence)


def test_it_plans_exactly_one_index(stage18: Stage) -> None:
    table(stage18)
    asks(stage18)

    made = plan(stage18)

    assert [c.line for c in made.commands] == [
        'CREATE INDEX CONCURRENTLY "mails_lead_incident" ON "public"."mails" ("lead");'
    ]
    assert made.does == "Create an index on lead of public.mails, about 0 MiB, over 20,000 rows."
    assert made.blast_radius == BlastRadius(touched=1, total=2, noun="tables")
    assert made.risk is Risk.MODERATE
    assert plan(stage18).effect == made.effect


@pytest.mark.parametrize(("name", "column"), [("mails", "lead"), (HOSTILE, COLUMN), ("ü" * 31, "ö" * 31)])
def test_it_builds_it_and_takes_it_back(stage18: Stage, name: str, column: str) -> None:
    table(stage18, name, column)
    asks(stage18, name, column)
    action, postgres = CreateMissingIndex(), keeper(stage18)
    made = plan(stage18)
    assert action.applied(postgres, made) is False

    outcome = action.apply(postgres, made)

    assert outcome.complete
    assert action.applied(postgres, made) is True
    state = index_state(postgres, "public", index_name(name, column))
    assert state
    assert state["valid"]
    assert abs(float(str(made.evidence[0]["index_bytes"])) / float(str(state["bytes"])) - 1) < 0.1
    assert plan(stage18).commands == ()
    undo = action.undoing(made, outcome)
    assert undo
    back = undo.plan(postgres)
    dropped = undo.apply(postgres, back)
    assert dropped.complete
    assert index_state(postgres, "public", index_name(name, column)) is None
    again = undo.undoing(back, dropped)
    assert again
    assert again.apply(postgres, again.plan(postgres)).complete
    assert index_state(postgres, "public", index_name(name, column)) == state
    assert stage18.admin("SELECT count(*) FROM leads") == [(9,)]


def left_over(stage: Stage) -> None:
    """An index whose build broke off: two equal values in what was to be unique."""
    with pytest.raises(psycopg.errors.UniqueViolation):
        stage.admin('CREATE UNIQUE INDEX CONCURRENTLY "mails_lead_incident" ON mails (lead)')


def test_it_drops_an_invalid_left_over_first(stage18: Stage) -> None:
    table(stage18)
    asks(stage18)
    left_over(stage18)
    assert check_invalid_indexes.fn(keeper(stage18)).says == (
        "Invalid, and written with every row: public.mails_lead_incident."
    )

    made = plan(stage18)

    assert made.commands[0].line == "DROP INDEX CONCURRENTLY public.mails_lead_incident;"
    assert "left-over of an earlier build is dropped first" in made.does
    assert CreateMissingIndex().apply(keeper(stage18), made).complete
    assert check_invalid_indexes.fn(keeper(stage18)).verdict is Verdict.OK


def test_it_leaves_no_invalid_index_when_the_build_breaks_off(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgresServer.act_at_length, "__kwdefaults__", {"lock_s": 0.3})
    table(stage18)
    asks(stage18)
    made = plan(stage18)
    holder = stage18.begins("old", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM leads LIMIT 1")

    with pytest.raises(CannotLook):
        CreateMissingIndex().apply(keeper(stage18), made)
    holder.close()

    assert CreateMissingIndex().applied(keeper(stage18), made) is False
    assert CreateMissingIndex().apply(keeper(stage18), made).complete


def test_it_does_not_take_a_name_from_something_else(stage18: Stage) -> None:
    table(stage18)
    asks(stage18)
    stage18.admin("CREATE TABLE mails_lead_incident (id int)")

    made = plan(stage18)

    assert made.commands == ()
    assert "is taken by something else" in made.does


def test_it_refuses_what_the_acting_role_may_not_do(stage18: Stage) -> None:
    table(stage18)
    asks(stage18)
    stage18.admin("ALTER TABLE mails OWNER TO boss; GRANT SELECT ON mails TO keeper")

    with pytest.raises(Refused) as caught:
        plan(stage18)

    assert caught.value.says.startswith("Only the owner of public.mails may index it; ")
    assert caught.value.remedy == "GRANT boss TO keeper;"


def test_it_never_drops_what_enforces_something(stage18: Stage) -> None:
    stage18.admin("ALTER TABLE leads OWNER TO app")

    with pytest.raises(Refused, match="enforces a constraint"):
        DropIndex([("public", "leads_email_key")]).plan(keeper(stage18))
