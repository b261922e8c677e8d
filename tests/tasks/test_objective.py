from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.config import Config
from tasks.model import Verdict
from tasks.objective import Objective
from tasks.toml import InvalidConfig

OK, WARN, UNKNOWN, BAD = Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BAD


def objective(good: str = "OK", **more: object) -> Objective:
    return Objective.model_validate({"name": "it is fast", "check": "check_p95", "good": good, "target": 0.999, **more})


@pytest.mark.parametrize(
    ("good", "value", "verdict", "holds"),
    [
        ("OK", None, OK, True),
        ("OK", None, WARN, False),
        ("OK", None, BAD, False),
        ("OK", 1.0, UNKNOWN, None),
        ("not BAD", None, WARN, True),
        ("not BAD", None, BAD, False),
        ("not BAD", None, UNKNOWN, None),
        ("value < 0.2", 0.199, BAD, True),
        ("value < 0.2", 0.2, OK, False),
        ("value <= 0.2", 0.2, OK, True),
        ("value >= 5", 5.0, OK, True),
        ("value > 5e0", 5.0, OK, False),
        ("value<.2", 0.1, OK, True),
        # Down has no latency, and is not fast; an answer that could not be had says nothing.
        ("value < 0.2", None, BAD, False),
        ("value < 0.2", None, OK, None),
        ("value < 0.2", 0.1, UNKNOWN, None),
    ],
)
def test_it_tells_good_from_bad(good: str, value: float | None, verdict: Verdict, holds: bool | None) -> None:
    assert objective(good).holds(value, verdict) is holds


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"good": "ok"}, "nothing else is good"),
        ({"good": "value < fast"}, 'like "value < 0.2"'),
        ({"good": "value < inf"}, 'like "value < 0.2"'),
        ({"good": "__import__('os')"}, 'like "value < 0.2"'),
        ({"target": 99.9}, "a share below 1, like 0.999"),
        ({"target": 1}, "would leave no budget"),
        ({"target": 0}, "a share below 1"),
        ({"target": "nan"}, "a share below 1"),
        ({"window_days": 91}, "less than or equal to 90"),
        ({"check": "p95"}, "should match pattern"),
        ({"name": ""}, "at least 1 character"),
        ({"goal": 1}, "Extra inputs"),
    ],
)
def test_it_refuses_what_nobody_could_keep(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        objective(**wrong)  # type: ignore[arg-type]


def configured(folder: Path, lines: str) -> Config:
    file = folder / "environments.toml"
    file.write_text(f'[environments.production]\nkind = "production"\n{lines}', encoding="utf-8")
    return Config.load(file)


ONE = '[[environments.production.objectives]]\nname = "up"\ncheck = "check_up"\ntarget = 0.999\n'


def test_it_reads_objectives_without_a_secret(tmp_path: Path) -> None:
    lines = f'time_zone = "Europe/Berlin"\n{ONE}[environments.production.systems.postgres]\nurl = "${{NOT_SET}}"\n'
    config = configured(tmp_path, lines)
    place = config.measured("production")
    assert [(one.name, one.check, one.window_days) for one in place.objectives] == [("up", "check_up", 30)]
    assert place.time_zone == "Europe/Berlin"
    with pytest.raises(InvalidConfig, match="NOT_SET is not set"):
        config.environment("production")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (ONE.replace("target", "tarket"), r"objectives\[0\]\.tarket: unknown key\. Did you mean 'target'\?"),
        (ONE.replace("0.999", "99.9"), r"objectives\.0\.target: write a share below 1"),
        (ONE + ONE, "two objectives are called 'up'"),
        ("objectives = [1]\n", r"objectives\[0\]: expected a table"),
        ("objectives = 1\n", "objectives: Input should be a valid tuple"),
    ],
)
def test_it_says_what_is_wrong_and_where(tmp_path: Path, lines: str, says: str) -> None:
    config = configured(tmp_path, lines)
    for read in (config.measured, config.environment):
        with pytest.raises(InvalidConfig, match=says) as refused:
            read("production")
        assert str(refused.value).startswith(f"{tmp_path}/environments.toml: environments.production.objectives")
