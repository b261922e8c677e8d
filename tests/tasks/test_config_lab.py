"""What a person writes about the lab beside what the running lab says of itself; what is told without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.config import Config
from tasks.environment import Kind
from tasks.toml import InvalidConfig
from tests.tasks.doors import Lamp, Shade

ADDED = """
[environments.lab.systems.test-shade]

[environments.lab.systems.second]
type = "test-lamp"
watt = 7
"""
LAB = """
[environments.lab]
kind = "lab"
verification_hold_s = 3

[environments.lab.systems.test-lamp]
watt = 40

[environments.lab.systems.second]
type = "test-lamp"
key = "the lab's own"

[environments.lab.approvers.lab-approver]
roles = ["dba"]
drill = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "environments.toml"


def test_it_adds_what_is_written_to_the_running_lab(file: Path, tmp_path: Path) -> None:
    """As the remedy for a system that is missing there says."""
    lab = tmp_path / "lab.toml"
    lab.write_text(LAB)
    file.write_text(ADDED)
    read = Config.load(file, lab).environment("lab")
    assert (read.kind, read.verification_hold_s, set(read.approvers)) == (Kind.LAB, 3, {"lab-approver"})
    lamp, second = read.systems["test-lamp"], read.systems["second"]
    assert isinstance(read.systems["test-shade"], Shade)
    assert isinstance(lamp, Lamp)
    assert isinstance(second, Lamp)
    # A system that both name is the one that is written, and nothing of the other.
    assert (lamp.watt, second.watt, second.key.get_secret_value()) == (40, 7, "")

    lab.unlink()
    with pytest.raises(InvalidConfig, match="`incident lab up` starts a lab and adds it"):
        Config.load(file, lab).environment("lab")
    file.write_text(ADDED + '[environments.lab]\nkind = "lab"\n')
    assert set(Config.load(file, lab).environment("lab").systems) == {"test-shade", "second"}


def test_it_tells_what_an_environments_systems_are_without_their_secrets(file: Path) -> None:
    file.write_text(ADDED.replace("watt", "key = '${NOBODY_SET_THIS}'\nwatt"))
    file.write_text(file.read_text() + "[environments.lab]\nkind = 'lab'\n")
    assert Config.load(file).kinds("lab") == (Shade, Lamp)
    file.write_text(file.read_text().replace("test-shade", "test-shad"))
    assert Config.load(file).kinds("lab") is None


def test_it_has_the_labs_monitoring_beside_the_teams_while_the_lab_runs(file: Path, tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(
        f'{LAB}\n[alerts]\nport = 20001\n[alerts.sources.lab-sentry]\nsecret = "x"\n[[alerts.rules]]\na = 1\n'
    )
    alone = Config.load(file, lab).alerts
    assert (alone["port"], set(alone["sources"]), alone["rules"]) == (20001, {"lab-sentry"}, [{"a": 1}])
    file.write_text('[alerts.sources.sentry]\nsecret = "y"\n[[alerts.rules]]\nb = 2\n')
    both = Config.load(file, lab).alerts
    # Where to listen is said by whoever has sources of their own, or is as shipped.
    assert (both.get("port"), set(both["sources"]), both["rules"]) == (
        None,
        {"sentry", "lab-sentry"},
        [{"b": 2}, {"a": 1}],
    )
