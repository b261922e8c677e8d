"""Which indexes could be spared: never both of two, never one that something needs."""

from __future__ import annotations

import random
import re

import pytest

from tasks.model import Refused, Row, Threshold, Verdict
from tasks.postgres.indexes import spare
from tasks.postgres.indexes.checks import IDLE_BYTES, check_duplicate_indexes, check_idle_indexes, check_invalid_indexes
from tasks.postgres.indexes.drops import DropIdleIndexes
from tasks.postgres.indexes.spare import LONG_ENOUGH_S, covers, duplicates, facts, unused
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.counting import counting_began

A_MONTH: Row = {"counted_for_s": LONG_ENOUGH_S, "began": "the counters were reset", "replicas": 0, "standby": False}
SMALL = Threshold(warn=1, bad=10_000, because="Owner: this test.")

# What stands on a table with the columns id, status, kind; and which of it is superfluous.
DUPLICATES = {
    "alike": (["CREATE INDEX alike_a ON {t} (status)", "CREATE INDEX alike_b ON {t} (status)"], {"alike_b"}),
    "three": ([f"CREATE INDEX three_{n} ON {{t}} (status)" for n in "abc"], {"three_b", "three_c"}),
    "prefix": (["CREATE INDEX prefix_a ON {t} (id)", "CREATE INDEX prefix_b ON {t} (id, status)"], {"prefix_a"}),
    "chain": (
        [f"CREATE INDEX chain_{n} ON {{t}} ({c})" for n, c in enumerate(("id", "id, kind", "id, kind, status"))],
        {"chain_0", "chain_1"},
    ),
    "beside_a_key": (["ALTER TABLE {t} ADD PRIMARY KEY (id)", "CREATE INDEX beside ON {t} (id)"], {"beside"}),
    "a_key_beside": (["ALTER TABLE {t} ADD PRIMARY KEY (id)", "CREATE INDEX b1 ON {t} (id, status)"], set()),
    "wider_key": (["ALTER TABLE {t} ADD UNIQUE (id, status)", "CREATE INDEX wk ON {t} (id)"], {"wk"}),
    "other_order": (["CREATE INDEX o1 ON {t} (id)", "CREATE INDEX o2 ON {t} (id DESC, status)"], set()),
    "other_columns": (["CREATE INDEX c1 ON {t} (id, status)", "CREATE INDEX c2 ON {t} (status, id)"], set()),
    "other_class": (["CREATE INDEX k1 ON {t} (status)", "CREATE INDEX k2 ON {t} (status text_pattern_ops)"], set()),
    "other_collation": (["CREATE INDEX l1 ON {t} (status)", 'CREATE INDEX l2 ON {t} (status COLLATE "C")'], set()),
    "other_method": (["CREATE INDEX m1 ON {t} (status)", "CREATE INDEX m2 ON {t} USING hash (status)"], set()),
    "partial": (["CREATE INDEX p1 ON {t} (id)", "CREATE INDEX p2 ON {t} (id) WHERE kind = 1"], set()),
    "wider_partial": (["CREATE INDEX w1 ON {t} (id)", "CREATE INDEX w2 ON {t} (id, kind) WHERE kind = 1"], set()),
    "partial_alike": ([f"CREATE INDEX pa_{n} ON {{t}} (id) WHERE kind = 1" for n in "ab"], {"pa_b"}),
    "expression": (["CREATE INDEX e1 ON {t} (lower(status))", "CREATE INDEX e2 ON {t} (status)"], set()),
    "expression_alike": ([f"CREATE INDEX ea_{n} ON {{t}} (lower(status))" for n in "ab"], {"ea_b"}),
    "included": (["CREATE INDEX i1 ON {t} (id) INCLUDE (kind)", "CREATE INDEX i2 ON {t} (id)"], {"i2"}),
    "included_elsewhere": (["CREATE INDEX n1 ON {t} (id) INCLUDE (kind)", "CREATE INDEX n2 ON {t} (id, kind)"], set()),
    "clustered": (
        ["CREATE INDEX cl_a ON {t} (kind)", "CREATE INDEX cl_b ON {t} (kind)", "CLUSTER {t} USING cl_b"],
        {"cl_a"},
    ),
    "exclusion": (
        [
            "ALTER TABLE {t} ADD CONSTRAINT ex_a EXCLUDE (kind WITH =) WHERE (kind > 9)",
            "CREATE INDEX ex_b ON {t} (kind) WHERE kind > 9",
        ],
        {"ex_b"},
    ),
    "much_wider": (
        [
            "INSERT INTO {t} SELECT n, repeat(md5(n::text), 9), n FROM generate_series(1, 2000) n",
            "CREATE INDEX mw_a ON {t} (id); CREATE INDEX mw_b ON {t} (id, status)",
        ],
        set(),
    ),
    'We "ird.%s': (
        ['CREATE INDEX "I ""1.%s" ON {t} (kind)', 'CREATE INDEX "Ü ""2.%s" ON {t} (kind)'],
        {'Ü "2.%s'},
    ),
}


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "WORTH_DROPPING_BYTES", 0)


def q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_it_finds_what_another_index_answers_and_nothing_else(stage: Stage) -> None:
    for name, (statements, _) in DUPLICATES.items():
        stage.admin(f"CREATE TABLE {q(name)} (id int, status text, kind int)")
        for statement in statements:
            stage.admin(statement.format(t=q(name)))
    stage.admin("CREATE TABLE parted (id int, kind int) PARTITION BY LIST (kind)")
    stage.admin("CREATE TABLE part PARTITION OF parted DEFAULT")
    for n in (1, 2):
        stage.admin(f"CREATE INDEX on_parent_{n} ON parted (id); CREATE INDEX on_part_{n} ON part (kind, id)")

    found = duplicates(facts(stage.door()))

    expected = {(name, index) for name, (_, spared) in DUPLICATES.items() for index in spared}
    assert {(str(one.row["table"]), str(one.row["index"])) for one in found} == expected
    dropped = {one.row["oid"] for one in found}
    assert all(one.kept is not None and one.kept["oid"] not in dropped for one in found)


def made_up(rng: random.Random, oid: int) -> Row:
    keys = [rng.choice("12") for _ in range(rng.randint(1, 3))]
    bound = rng.choice([None, None, None, "it enforces a key"])
    partial = rng.random() < 0.2
    return {
        "oid": oid, "table_oid": 1, "ident": f"i{oid}", "valid": rng.random() < 0.9, "being_built": False,
        "bound": bound,
        "shape": f"{keys}{partial}", "method": "btree", "keys": keys, "key_columns": len(keys), "classes": keys,
        "collations": keys, "options": keys, "plain": not partial, "partial": partial, "bytes": rng.choice([1, 2, 4]),
        "scans": rng.choice([0, 0, 3]), "built_ago_s": None, "foreign_keys": [],
    }  # fmt: skip


def test_it_never_names_both() -> None:
    """Whatever stands on a table: each that goes leans on one that stays, and what is bound stays."""
    rng = random.Random(7)  # noqa: S311
    for _ in range(2000):
        rows = [made_up(rng, oid) for oid in range(rng.randint(2, 8))]
        found = duplicates(rows)
        gone = {one.row["oid"] for one in found}
        for one in found:
            assert one.kept is not None
            assert one.kept["oid"] not in gone
            assert one.kept["valid"]
            assert one.kept["keys"][: len(one.row["keys"])] == one.row["keys"]  # type: ignore[arg-type, index]
            assert not one.row["bound"]
        # Both steps together leave every query that used an index one that answers it.
        left = [row for row in rows if row["oid"] not in gone | {one.row["oid"] for one in unused(rows, A_MONTH)}]
        for row in [row for row in rows if row["scans"] and row["valid"]]:
            assert row in left or any(covers(one, row) for one in left)
        # And one after the other, as the second step sees what the first one left.
        after = [row for row in rows if row["oid"] not in gone]
        left = [row for row in after if row["oid"] not in {one.row["oid"] for one in unused(after, A_MONTH)}]
        for row in [row for row in rows if row["scans"] and row["valid"]]:
            assert row in left or any(covers(one, row) for one in left)


def scans(stage: Stage) -> None:
    with stage.session("web", "boss") as session:
        session.execute(b"SET enable_seqscan = off")
        session.execute(b"SELECT * FROM child WHERE used = 1")


@pytest.fixture
def family(stage: Stage) -> Stage:
    """A table with foreign keys, and indexes of every kind on it; one of them was used."""
    stage.admin(
        "CREATE TABLE parent (id int PRIMARY KEY, b int, UNIQUE (id, b));"
        "CREATE TABLE child (id int PRIMARY KEY, used int, a int REFERENCES parent, b int, c int REFERENCES parent,"
        " FOREIGN KEY (a, b) REFERENCES parent (id, b));"
        "CREATE INDEX used ON child (used); CREATE INDEX for_both_keys ON child (b, a);"
        "CREATE INDEX for_c ON child (c); CREATE INDEX for_c_too ON child (c, id);"
        "CREATE INDEX partly_for_a ON child (a) WHERE b = 1"
    )
    scans(stage)
    until(lambda: [row for row in facts(stage.door()) if row["scans"]], "the scan is counted")
    stage.admin("CREATE INDEX idle ON child (used, id); CREATE UNIQUE INDEX enforces ON child (id, b)")
    return stage


def test_it_leaves_every_foreign_key_an_index(family: Stage) -> None:
    rows = facts(family.door())

    found = unused(rows, A_MONTH)
    gone = {str(one.row["index"]) for one in [*found, *duplicates(rows)]}

    # `idle` would answer what `used` answers, and is idle only because `used` is there: one of them goes, not both.
    assert {str(one.row["index"]) for one in found} == {"idle", "partly_for_a"}
    assert {str(one.row["index"]) for one in duplicates(rows)} == {"for_c"}
    assert not {"for_both_keys", "for_c_too", "enforces", "child_pkey"} & gone


@pytest.mark.parametrize(
    "counted",
    [
        {"counted_for_s": LONG_ENOUGH_S - 1},
        {"counted_for_s": None},
        {"replicas": 1},
        {"standby": True},
    ],
)
def test_it_names_none_as_long_as_it_cannot_be_known(family: Stage, counted: Row) -> None:
    assert unused(facts(family.door()), {**A_MONTH, **counted}) == []


@pytest.mark.parametrize(
    ("size", "verdict"),
    [(2**20 - 1, Verdict.OK), (2**20, Verdict.WARN), (2**30 - 1, Verdict.WARN), (2**30, Verdict.BAD)],
)
def test_it_knows_both_sides_of_the_limit(size: int, verdict: Verdict) -> None:
    assert IDLE_BYTES.judge(size) is verdict
    assert "Owner:" in IDLE_BYTES.because


def test_it_says_which_one_is_superfluous(stage18: Stage) -> None:
    assert check_duplicate_indexes.fn(stage18.door()).says == "No index is superfluous beside another one."
    stage18.admin("CREATE INDEX a ON leads (status); CREATE INDEX b ON leads (status)")

    found = check_duplicate_indexes.fn(stage18.door(), SMALL)

    assert found.verdict is Verdict.BAD
    assert found.says == (
        "1 index is superfluous beside another one (0 MiB, bad from 0); public.b: public.a answers the same queries."
    )
    assert [row["index"] for row in found.rows] == ["b"]


def test_it_counts_a_month_before_it_calls_an_index_unused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.admin("CREATE INDEX a ON leads (status)")
    assert check_idle_indexes.fn(stage.door(), SMALL).verdict is Verdict.OK
    assert re.sub(r"for \d+ \w+", "for N s", check_idle_indexes.fn(stage.door(), SMALL).says) == (
        "Which indexes are unused cannot be told yet: queries are counted for N s (31 days are needed), since "
        f"{counting_began(stage)}."
    )

    monkeypatch.setattr(spare, "LONG_ENOUGH_S", 0.0)
    found = check_idle_indexes.fn(stage.door(), SMALL)

    assert [row["index"] for row in found.rows] == ["a"]
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("1 index is unused (0 MiB, bad from 0), counted for ")


def test_it_is_never_bad_where_replicas_count_their_own(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage18.admin("CREATE INDEX a ON leads (status)")
    monkeypatch.setattr(spare, "counting", lambda _: {**A_MONTH, "replicas": 2})

    found = check_idle_indexes.fn(stage18.door(), SMALL)

    assert found.verdict is Verdict.WARN
    assert found.says.endswith(" Yet queries are counted elsewhere, too: ask 2 replicas.")
    assert DropIdleIndexes().plan(stage18.door()).does == (
        "Nothing to drop: queries are counted elsewhere, too: ask 2 replicas."
    )


def test_it_does_not_take_a_build_for_a_left_over(stage: Stage) -> None:
    stage.admin("GRANT CREATE ON SCHEMA public TO app; ALTER TABLE leads OWNER TO app")
    writer = stage.begins("billing", "UPDATE leads SET status = 'x' WHERE id = 1")
    builder = stage.session("migration")
    stage.runs(builder, "CREATE INDEX CONCURRENTLY slow ON leads (status)")
    until(lambda: [row for row in facts(stage.door()) if not row["valid"]], "the build has begun")

    assert check_invalid_indexes.fn(stage.door()).verdict is Verdict.OK

    stage.admin(f"SELECT pg_terminate_backend({builder.info.backend_pid})")
    until(lambda: check_invalid_indexes.fn(stage.door()).verdict is Verdict.BAD, "the left-over is seen")
    assert check_invalid_indexes.fn(stage.door()).says == "Invalid, and written with every row: public.slow."
    writer.close()


def test_it_does_not_guess_who_builds_when_it_cannot_see(stage: Stage) -> None:
    for asked in (check_invalid_indexes, check_duplicate_indexes, check_idle_indexes):
        with pytest.raises(Refused, match="hides other users' sessions") as caught:
            asked.fn(stage.door(reads="nobody_special"))
        assert caught.value.remedy == "GRANT pg_monitor TO nobody_special;"
