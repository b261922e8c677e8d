"""A team's system whose own file cannot be used: what is configured of it says so, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.model import Refused, Verdict
from tasks.system import Unusable
from tasks.toml import InvalidConfig
from tests.tasks.doors import Lamp


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMP_KEY", SECRET)
    return tmp_path / "environments.toml"


SECRET = "hunter2-canary"


BROKEN = """
[team]
systems = "systems"

[environments.here]
kind = "staging"

[environments.here.systems.test-lamp]
key = "${LAMP_KEY}"

[environments.here.systems.shop_crm]
url = "https://crm.example.com"

[environments.here.systems.erp]
type = "big-erp"
url = "https://erp.example.com"
"""


ONE = """
[team]
systems = "systems"

[environments.here]
kind = "staging"

[environments.here.systems.{}]
key = "${{LAMP_KEY}}"
"""


def test_it_keeps_an_environment_of_which_one_system_cannot_be_imported(file: Path) -> None:
    for name, text in (("shop_crm", "1 / 0"), ("resources", 'kind = "big-erp"\n1 / 0')):
        (file.parent / "systems" / name).mkdir(parents=True)
        (file.parent / "systems" / name / "system.py").write_text(text)
    file.write_text(BROKEN)
    here = Config.load(file).environment("here")
    assert isinstance(here.systems["test-lamp"], Lamp)
    crm, erp = here.systems["shop_crm"], here.systems["erp"]
    assert isinstance(crm, Unusable)
    assert isinstance(erp, Unusable)
    assert crm.says == (
        f"environments.here.systems.shop_crm cannot be used: {file.parent}/systems/shop_crm/system.py: "
        "cannot be imported: ZeroDivisionError: division by zero (systems/shop_crm/system.py, line 1). "
        "Mend it; what does not use it works meanwhile."
    )
    assert "systems/resources/system.py, line 2" in erp.says
    assert [finding.verdict for finding in crm.examine()] == [Verdict.BAD]


def test_it_never_takes_another_system_for_one_that_cannot_be_used() -> None:
    """It may be of a kind of its own: a Postgres that the team made more of."""

    def ask(crm: Lamp) -> None: ...

    lamp = Lamp()
    place = Environment(name="x", kind=Kind.LAB, systems={"crm": Unusable(says="It is broken."), "lamp": lamp})
    with pytest.raises(Refused, match=r"^It is broken\.$"):
        place.supply(ask)


def test_it_still_names_a_type_that_nobody_ever_declared(file: Path) -> None:
    (file.parent / "systems" / "shop_crm").mkdir(parents=True)
    (file.parent / "systems" / "shop_crm" / "system.py").write_text("1 / 0")
    file.write_text(ONE.format("test-lmp"))
    with pytest.raises(InvalidConfig, match=r"environments\.here\.systems\.test-lmp: no system of type 'test-lmp'\."):
        Config.load(file).environment("here")


CRASHING = """
from tasks.system import System

class Leaky(System):
    kind = "crashes-at-once"
    config_lines = ""
    key: str

    def model_post_init(self, _context, /):
        raise KeyError(self.key)
"""


def test_it_names_the_line_of_a_system_that_crashes_over_its_settings(file: Path) -> None:
    (file.parent / "systems" / "crashes_at_once").mkdir(parents=True)
    (file.parent / "systems" / "crashes_at_once" / "system.py").write_text(CRASHING)
    file.write_text(ONE.format("crashes-at-once"))
    with pytest.raises(InvalidConfig) as refused:
        Config.load(file).environment("here")
    assert str(refused.value) == (
        f"{file}: environments.here.systems.crashes-at-once: Leaky crashed: KeyError "
        "(systems/crashes_at_once/system.py, line 10). Mend it there."
    )
