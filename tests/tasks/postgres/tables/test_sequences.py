"""Numbers that run out: of a sequence, and of a column that is narrower than its sequence."""

from __future__ import annotations

import re
import textwrap

import psycopg
import pytest

from runbooks.catalog import Catalog
from runbooks.database.performance_degradation import runbook
from runbooks.model import Manual
from tasks.growth import looks
from tasks.model import Earlier, Json, Threshold, Verdict
from tasks.postgres.tables.checks import DAY_S
from tasks.postgres.tables.sequences import NUMBERS_LAST, NUMBERS_USED, check_sequences
from tests.tasks.postgres.conftest import Stage
from tests.tasks.postgres.keeper import keeper

FULL = 2**31 - 1


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (NUMBERS_USED, 0.69, Verdict.OK),
        (NUMBERS_USED, 0.7, Verdict.WARN),
        (NUMBERS_USED, 0.89, Verdict.WARN),
        (NUMBERS_USED, 0.9, Verdict.BAD),
        (NUMBERS_LAST, 91 * DAY_S, Verdict.OK),
        (NUMBERS_LAST, 90 * DAY_S, Verdict.WARN),
        (NUMBERS_LAST, 30 * DAY_S, Verdict.BAD),
    ],
)
def test_it_knows_both_sides_of_the_limits(limit: Threshold, value: float, verdict: Verdict) -> None:
    assert limit.judge(value) is verdict
    assert "Owner:" in limit.because


def made(stage: Stage, statements: str) -> Stage:
    stage.admin(f"GRANT CREATE ON SCHEMA public TO app; SET ROLE app; {statements}")
    keeper(stage)
    return stage


# What is made, how far it is, who is named, and which line widens it.
NARROW = {
    "serial": (
        "CREATE TABLE o (id serial PRIMARY KEY)", "public.o_id_seq", 2**31 - 1, "public.o.id",
        "ALTER TABLE public.o ALTER COLUMN id TYPE bigint;",
    ),
    "identity": (
        "CREATE TABLE o (id smallint GENERATED ALWAYS AS IDENTITY)", "public.o_id_seq", 2**15 - 1, "public.o.id",
        "ALTER TABLE public.o ALTER COLUMN id TYPE bigint;",
    ),
    "wide sequence": (
        "CREATE SEQUENCE s; CREATE TABLE o (id int DEFAULT nextval('s'))", "public.s", 2**31 - 1, "public.o.id",
        "ALTER TABLE public.o ALTER COLUMN id TYPE bigint;",
    ),
    "narrow sequence": (
        "CREATE SEQUENCE s AS int; CREATE TABLE o (id bigint DEFAULT nextval('s'))", "public.s", 2**31 - 1,
        "public.o.id", "ALTER SEQUENCE public.s AS bigint NO MAXVALUE;",
    ),
    "bounded sequence": (
        "CREATE SEQUENCE s MAXVALUE 1000", "public.s", 1000, "", "ALTER SEQUENCE public.s AS bigint NO MAXVALUE;",
    ),
    "referring column": (
        'CREATE TABLE o (id bigserial PRIMARY KEY); CREATE TABLE p ("Of" int REFERENCES o)', "public.o_id_seq",
        2**31 - 1, 'public.p."Of"', 'ALTER TABLE public.p ALTER COLUMN "Of" TYPE bigint;',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NARROW)
def test_it_names_the_narrowest_and_its_line_mends_it(stage: Stage, name: str) -> None:
    statements, sequence, most, column, line = NARROW[name]
    made(stage, statements)
    stage.admin(f"SELECT setval('{sequence}', {int(most * 0.95)})")

    found = check_sequences.fn(keeper(stage))

    assert (found.verdict, found.rows[0]["sequence"]) == (Verdict.BAD, sequence)
    assert found.says.startswith(f"1 sequence runs out; the fullest, {sequence}{f' for {column}' if column else ''}")
    assert "has used 95% of its numbers (bad from 90%): it stands at " in found.says
    assert line in found.remedy
    lines = re.findall(r"ALTER [^;]*;", found.remedy)
    for statement in lines:
        stage.admin(statement)
    after = check_sequences.fn(keeper(stage))
    assert after.verdict is Verdict.OK, after.says
    stage.admin(f"SELECT setval('{sequence}', {most}); SELECT nextval('{sequence}')")


def test_it_leaves_out_what_does_not_run_out(stage: Stage) -> None:
    made(
        stage,
        "CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE round MAXVALUE 10 CYCLE;"
        "CREATE SEQUENCE unused AS smallint;"
        "CREATE TABLE o (id bigserial, t text DEFAULT nextval('round'))",
    )
    stage.admin("SELECT setval('down', -9000000000); SELECT setval('round', 10); SELECT setval('o_id_seq', 9000000000)")

    found = check_sequences.fn(keeper(stage))

    assert (found.verdict, found.rows, found.remedy) == (Verdict.OK, [], "")
    assert re.match(r"\d sequences looked at; the fullest, ", found.says)


def test_it_tells_how_long_the_numbers_last(stage: Stage) -> None:
    made(stage, "CREATE TABLE o (id serial)")
    stage.admin(f"SELECT setval('o_id_seq', {FULL // 2})")
    first = check_sequences.fn(keeper(stage))
    assert first.verdict is Verdict.OK
    told = first.facts["looks"]
    assert isinstance(told, dict)
    [(key, seen)] = told.items()
    [(at_s, last)] = looks(seen)
    # A hundredth of all a day, for a week: half of them last fifty days.
    week: Json = [[at_s - n * DAY_S, last - n * FULL / 100] for n in range(7, 0, -1)]

    found = check_sequences.fn(
        keeper(stage), earlier=Earlier(at_s=0, value=0, facts={**first.facts, "looks": {key: week}})
    )

    assert found.verdict is Verdict.WARN
    assert ", and lasts 50 days at the present pace." in found.says


def test_it_says_what_it_may_not_see(stage: Stage) -> None:
    found = check_sequences.fn(stage.door(acts="sees_only"))

    assert found.verdict is Verdict.UNKNOWN
    assert "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO the role of action_url;" in found.remedy
    stage.admin("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO sees_only")
    assert check_sequences.fn(stage.door(acts="sees_only")).verdict is Verdict.OK


def blocks() -> list[str]:
    """The indented parts of the step by hand, in their order."""
    [step] = [one for one in runbook.resolution if isinstance(one, Manual) and one.when is check_sequences]
    return [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n?)+", step.how, flags=re.MULTILINE)]


def types(stage: Stage, text: str) -> None:
    """As at psql: one session, a statement at a time."""
    with psycopg.connect(stage.admin_url, autocommit=True) as session:
        for statement in re.split(r";(?![^$]*\$\$ L|[^$]*END \$\$)[^\n]*\n", f"{text}\n"):
            if statement.strip():
                session.execute(statement.encode())


def test_it_is_mended_as_the_runbook_says(stage: Stage) -> None:
    made(stage, "CREATE TABLE t (id serial PRIMARY KEY, note text)")
    stage.admin("INSERT INTO t (note) SELECT 'x' FROM generate_series(1, 99)")
    _, _, in_steps, swap, below = (block.replace("<t>", "t") for block in blocks())
    stage.admin(f"SELECT setval('t_id_seq', {FULL})")
    with pytest.raises(psycopg.errors.SequenceGeneratorLimitExceeded):
        stage.admin("INSERT INTO t (note) VALUES ('one too many')")

    stage.admin(below.replace("<sequence>", "t_id_seq"))
    stage.admin("INSERT INTO t (note) VALUES ('below zero'); DELETE FROM t WHERE id < 0")
    stage.admin(f"SELECT setval('t_id_seq', {FULL})")
    types(stage, in_steps)
    types(stage, swap)

    assert check_sequences.fn(keeper(stage)).verdict is Verdict.OK
    assert stage.admin("INSERT INTO t (note) VALUES ('beyond') RETURNING id") == [(FULL + 1,)]
    assert stage.admin("SELECT count(*), count(DISTINCT id) FROM t") == [(100, 100)]


@pytest.mark.parametrize(
    "error",
    [
        'ERROR:  nextval: reached maximum value of sequence "leads_id_seq" (2147483647)',
        "ERROR: integer out of range",
        "smallint out of range",
    ],
)
def test_it_is_found_by_the_error(error: str) -> None:
    assert Catalog.load().search(error)[0].slug == "database/performance-degradation"
