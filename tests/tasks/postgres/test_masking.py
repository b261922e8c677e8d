"""What a person reads of a statement never holds its values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.postgres.masking import LONGEST, masked


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("UPDATE users SET password='hunter2'", "UPDATE users SET password=?"),
        ("SELECT 'it''s hunter2', 1", "SELECT ?, ?"),
        ("SELECT ''", "SELECT ?"),
        (r"SELECT E'it\'s hunter2', x", "SELECT ?, x"),
        (r"SELECT e'a\\', hunter", "SELECT ?, hunter"),
        ("SELECT E'it''s hunter2', x", "SELECT ?, x"),
        ("SELECT $$hunter2$$, x", "SELECT ?, x"),
        ("SELECT $a$hunter2 $$ $b$ $a$, x", "SELECT ?, x"),
        ("SELECT B'1010', X'ff', N'hunter2', U&'hunter2'", "SELECT B?, X?, N?, U&?"),
        ("SELECT 'a'\n'hunter2'", "SELECT ? ?"),
        ("SELECT 42, -1.5e10, .5, 0xDEAD_BEEF, 1_000", "SELECT ?, -?, ?, ?, ?"),
        ("SELECT 5e-3", "SELECT ?-?"),
        ("SELECT t1.c2 FROM t1 WHERE c2 = $1", "SELECT t1.c2 FROM t1 WHERE c2 = $1"),
        ("SELECT a$b$c FROM t WHERE x = 'y'", "SELECT a$b$c FROM t WHERE x = ?"),
        ('UPDATE "users" SET "a""b" = \'x\'', 'UPDATE "users" SET "a""b" = ?'),
        ("SELECT 1 -- hunter2 'unclosed\n, x", "SELECT ? , x"),
        ("SELECT 1 /* hunter2 /* nested */ hunter2 ' */, x", "SELECT ? , x"),
        ("SELECT\n\t1\x1b[31m,\r\n x", "SELECT ? [?, x"),
        ("", ""),
    ],
)
def test_it_shows_names_and_hides_values(statement: str, shown: str) -> None:
    assert masked(statement) == shown


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'hunter2",
        "SELECT E'hunter2",
        "SELECT E'hunter2\\",
        "SELECT $$hunter2",
        "SELECT $tag$hunter2$ta",
        "SELECT \"x, 'hunter2'",
        "SELECT 1 /* hunter2",
        "SELECT 1 /* /* */ hunter2",
        "SELECT 1 -- hunter2",
        # With standard_conforming_strings off the first string ends at the third quote, with it on at the second.
        r"SELECT 'it\'s hunter2'",
        r"SELECT 'C:\', 'hunter2'",
        r"SELECT E'a' 'b\', hunter2 '",
        "SELECT fooE'\\', 'hunter2'",
        "SELECT 0x99hunter2",
    ],
)
def test_it_hides_everything_behind_a_literal_that_is_cut_off_or_ambiguous(statement: str) -> None:
    assert "hunter2" not in masked(statement)


@given(st.text(alphabet="ab1'\"\\$-/*eE \n", max_size=60), st.text(max_size=20))
def test_it_reads_anything_and_never_shows_a_quoted_value(before: str, after: str) -> None:
    masked(before + after)
    closed = "'" + before.replace("\\", "").replace("'", "''") + "hunter2'"
    assert "hunter2" not in masked(f"SELECT {closed}, {after}")


def test_it_cuts_long_statements() -> None:
    shown = masked("SELECT " + "x, " * 1000)

    assert len(shown) == LONGEST
    assert shown.endswith("…")


def test_it_does_not_take_long_for_hostile_text() -> None:
    for hostile in ("'" * 100_000, "$a$" * 50_000, "/*" * 50_000, '"' * 99_999, "\\'" * 50_000, "1." * 50_000):
        masked(hostile)
