"""Can somebody who may write functions have one run with our rights, by leaving a slow statement for us to explain?"""

from __future__ import annotations

import pytest

from tasks.postgres.indexes.explain import Explained, explain
from tests.tasks.postgres.conftest import Stage

# What planning would compute: it ends the session of whoever plans it, which shows that it ran.
EVIL = "pg_terminate_backend(pg_backend_pid())"


def trapped(stage: Stage, volatility: str = "STABLE") -> None:
    """The application's role lays every trap it has the rights for."""
    stage.admin("CREATE SCHEMA traps AUTHORIZATION app")
    stage.admin("GRANT USAGE ON SCHEMA traps TO actor")
    for name, argument in (("evil", ""), ("evil_for", "int")):
        stage.admin(
            f"CREATE FUNCTION traps.{name}({argument}) RETURNS int LANGUAGE sql {volatility} AS 'SELECT {EVIL}::int'"
        )
        stage.admin(f"ALTER FUNCTION traps.{name}({argument}) OWNER TO app")
    for statement in (
        "CREATE TABLE traps.plain (id int)",
        "CREATE TABLE traps.guarded (id int)",
        "ALTER TABLE traps.guarded ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON traps.guarded USING (id < traps.evil())",
        "CREATE VIEW traps.seen AS SELECT id FROM traps.plain WHERE id < traps.evil()",
        "CREATE VIEW traps.twice AS SELECT id FROM traps.seen",
        "CREATE OPERATOR traps.<=! (FUNCTION = traps.evil_for, RIGHTARG = int)",
        "CREATE DOMAIN traps.checked AS int CHECK (VALUE IS NULL OR VALUE > traps.evil())",
        "CREATE TABLE traps.domains (id int, kept traps.checked)",
        "CREATE TABLE traps.defaults (id int, made int DEFAULT traps.evil())",
    ):
        stage.admin(statement)
    stage.admin("GRANT SELECT ON ALL TABLES IN SCHEMA traps TO actor")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM traps.plain WHERE id < traps.evil()",
        'SELECT id FROM traps.plain WHERE id < "traps"."evil"()',
        "SELECT id FROM traps.seen WHERE id = $1",
        "SELECT id FROM traps.twice WHERE id = $1",
        "SELECT id FROM traps.guarded WHERE id = $1",
        "SELECT id FROM traps.plain WHERE id < OPERATOR(traps.<=!) 1",
        "INSERT INTO traps.domains (kept) VALUES ($1)",
        "INSERT INTO traps.defaults (id) VALUES ($1)",
    ],
)
def test_it_has_no_code_of_others_computed_with_our_rights(stage: Stage, statement: str) -> None:
    trapped(stage)
    said = explain(stage.door(), statement)
    assert isinstance(said, str)
    assert said.startswith("Planning it might run traps.evil")


def test_it_knows_the_operators_that_are_not_named(stage: Stage) -> None:
    trapped(stage)
    stage.admin(f"CREATE FUNCTION traps.alike(varchar, text) RETURNS bool LANGUAGE sql STABLE AS 'SELECT {EVIL}'")
    stage.admin("ALTER FUNCTION traps.alike OWNER TO app")
    stage.admin("CREATE OPERATOR traps.~~ (FUNCTION = traps.alike, LEFTARG = varchar, RIGHTARG = text)")
    stage.admin("ALTER ROLE actor SET search_path = traps, public")
    try:
        said = explain(stage.door(), "SELECT id FROM traps.plain WHERE 'x'::varchar LIKE 'x'::text")
    finally:
        stage.admin("ALTER ROLE actor RESET search_path")

    whose = "with our rights, and a superuser does not own that."
    assert said == f"Planning it might run traps.alike(character varying,text) {whose}"


def test_it_shows_that_the_traps_work(stage: Stage) -> None:
    """Planned without the look before it, a trap does end the session: or the test above would prove nothing."""
    trapped(stage)
    with stage.door().asked_as_actor() as session, pytest.raises(Exception, match=r".") as error:
        session.run("EXPLAIN SELECT id FROM traps.plain WHERE id < traps.evil()")
    assert "traps" not in str(error.value)


@pytest.mark.parametrize("statement", ["SELECT id FROM leads WHERE email = $1", "SELECT now(), abs(id) FROM leads"])
def test_it_explains_what_needs_no_code_of_others(stage: Stage, statement: str) -> None:
    trapped(stage)
    stage.admin("GRANT SELECT ON leads TO actor")
    assert isinstance(explain(stage.door(), statement), Explained)


def test_it_trusts_what_a_superuser_owns(stage: Stage) -> None:
    stage.admin("CREATE FUNCTION public.fine() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'")
    stage.admin("GRANT SELECT ON leads TO actor")
    assert isinstance(explain(stage.door(), "SELECT id FROM leads WHERE id = fine()"), Explained)
