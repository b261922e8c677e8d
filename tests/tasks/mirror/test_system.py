"""A mirror that contradicts itself is refused when it is read; the doctor says what each table lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.run.settings import redactor
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.mirror.faults import DriftRows
from tasks.mirror.system import Mirror
from tasks.model import Refused, Verdict
from tasks.toml import InvalidConfig
from tests.tasks.mirror.conftest import Two, run

LEFT = {"name": "app", "url": "postgresql://reader:left-password@one/app"}
RIGHT = {"name": "crm", "url": "postgresql://reader:right-password@two/crm"}
TABLE: dict[str, Any] = {"name": "people", "key": ["id"]}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no table": ({"tables": []}, "at least 1 item"),
    "no key": ({"tables": [{**TABLE, "key": []}]}, "at least 1 item"),
    "a key named twice": ({"tables": [{**TABLE, "key": ["id", "id"]}]}, "key names 'id' twice"),
    "a column both ignored and compared": (
        {"tables": [{**TABLE, "ignore": ["a"], "columns": ["a"]}]},
        "'a' cannot be both ignored and compared",
    ),
    "an ignored key": ({"tables": [{**TABLE, "ignore": ["id"]}]}, "'id' cannot be both ignored and compared"),
    "a table named twice": ({"tables": [TABLE, TABLE]}, "tables names 'people' twice"),
    "two stores of one name": ({"right": {**RIGHT, "name": "app"}}, "both stores are called 'app'"),
    "one store twice": ({"right": {**LEFT, "name": "crm"}}, "left and right are the same store, one:5432/app"),
    "no such source": ({"tables": [{**TABLE, "source_of_truth": "app"}]}, "'left', 'right' or 'none'"),
    "another kind of store": ({"right": {**RIGHT, "type": "d1"}}, "'postgres'"),
    "a limit of none": ({"tables": [{**TABLE, "max_rows": 0}]}, "greater than or equal to 1"),
    "a limit that is none": ({"tables": [{**TABLE, "max_rows": 10_001}]}, "less than or equal to 10000"),
    "a word too many": ({"tables": [{**TABLE, "sync": True}]}, "Extra inputs"),
}


@pytest.mark.parametrize("case", WRONG)
def test_it_refuses_what_contradicts_itself(case: str) -> None:
    settings, says = WRONG[case]
    with pytest.raises(ValidationError) as refused:
        Mirror.model_validate({"left": LEFT, "right": RIGHT, "tables": [TABLE], **settings})
    assert says in str(refused.value)
    assert "password" not in str(refused.value)


def test_it_is_read_from_the_lines_it_tells_people_to_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "environments.toml"
    file.write_text(f'[environments.x]\nkind = "staging"\n[environments.x.systems.mirror]\n{Mirror.config_lines}\n')
    for name in ("LEFT", "RIGHT"):
        monkeypatch.setenv(f"{name}_URL", f"postgresql://u:p@{name.lower()}/d")
        monkeypatch.setenv(f"{name}_ACTION_URL", f"postgresql://u:p@{name.lower()}/d")
    assert isinstance(Config.load(file).environment("x").systems["mirror"], Mirror)
    file.write_text(file.read_text().replace('= "left"', '= "leftt"'))
    with pytest.raises(InvalidConfig, match=r"systems\.mirror\.tables\.0\.source_of_truth"):
        Config.load(file).environment("x")


def test_it_keeps_both_stores_passwords_out_of_the_record() -> None:
    mirror = Mirror.model_validate({"left": LEFT, "right": RIGHT, "tables": [TABLE]})
    redact = redactor(Environment(name="x", kind=Kind.LAB, systems={"mirror": mirror}))
    assert redact.text("left-password right-password") == "•••• ••••"


def test_the_doctor_examines_every_table(people: Two) -> None:
    said = list(people.mirror({}, {"name": "nowhere"}).examine())
    assert [finding.verdict for finding in said] == [Verdict.OK, Verdict.UNKNOWN]
    assert said[0].says == "people can be compared between app and crm: 4 columns."


def lab(two: Two, **table: Any) -> Environment:
    return Environment(name="lab", kind=Kind.LAB, systems={"mirror": two.mirror(table)})


def test_the_fault_makes_them_disagree_and_mends_it(people: Two) -> None:
    people.both("INSERT INTO people SELECT n, 'Ada ' || n FROM generate_series(10, 40) n")
    before = people.rows()
    with DriftRows().during(lab(people)):
        drift = people.drift()
        assert drift.total == 16
        assert (drift.left_rows, drift.right_rows) == (40, 36)
    assert people.rows() == before


def test_the_fault_is_mended_whatever_was_done_meanwhile(people: Two) -> None:
    people.both("INSERT INTO people SELECT n, 'Ada ' || n FROM generate_series(10, 40) n")
    before = people.rows()
    with DriftRows().during(lab(people)):
        run(people.right, "DELETE FROM people WHERE id < 9", "INSERT INTO people VALUES (5, 'back again')")
    assert people.rows() == before


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"source_of_truth": "none"}, "No table of the mirror has a source of truth"),
        ({"key": ["name", "id"]}, "no single key of numbers"),
        ({}, "has no 12 rows with keys above zero"),
    ],
)
def test_the_fault_says_what_it_lacks(people: Two, table: dict[str, Any], says: str) -> None:
    before = people.rows()
    with pytest.raises(Refused, match=says), DriftRows().during(lab(people, **table)):
        pytest.fail("it broke something")
    assert people.rows() == before
