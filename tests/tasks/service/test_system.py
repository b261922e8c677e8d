"""A service is restarted and looked at by commands; what they say is told, what they must not say is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.run.settings import redactor
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Refused, Verdict
from tasks.registry import register_systems
from tasks.service.system import ApplicationService, DatabaseService, Service
from tasks.toml import InvalidConfig
from tests.tasks.service.conftest import commands, pid_of


def test_it_starts_what_is_stopped_and_restarts_what_runs(service: Service, folder: Path) -> None:
    assert not service.running()
    assert service.start_again().lines == ("started with the token 12 long",)
    first = pid_of(folder)
    assert service.running()
    service.start_again()
    assert pid_of(folder) != first
    service.halt()
    assert not service.running()


def test_it_says_what_the_command_said_when_it_failed(service: Service, folder: Path) -> None:
    (folder / "broken").touch()
    with pytest.raises(Refused, match=r"failed with exit code 1[\s\S]*\| Job for web\.service failed"):
        service.start_again()


def test_it_does_not_take_an_unknown_service_for_a_stopped_one(service: Service, folder: Path) -> None:
    (folder / "unknown").touch()
    with pytest.raises(Refused, match="failed with exit code 4"):
        service.running()
    assert [found.verdict for found in service.examine()] == [Verdict.UNKNOWN]


def test_it_gives_up_on_a_restart_that_hangs(folder: Path) -> None:
    (folder / "hangs").touch()
    with pytest.raises(CannotLook, match=r"did not end within 0\.5 s") as caught:
        ApplicationService(**commands(folder), limit_s=0.5).start_again()
    assert not isinstance(caught.value, Refused)


def test_it_stops_nothing_without_a_command_for_it(folder: Path) -> None:
    given = {**commands(folder), "stop": None}
    with pytest.raises(Refused, match="No command stops this service"):
        DatabaseService(**given).halt()


def test_it_tells_the_doctor(service: Service) -> None:
    service.start_again()
    (found,) = service.examine()
    assert found.verdict is Verdict.OK
    assert found.says.endswith("says that it runs.")


def test_it_keeps_the_secrets_it_hands_over(service: Service) -> None:
    place = Environment(name="lab", kind=Kind.LAB, systems={"it": service})
    assert "twelve-signs" not in repr(service)
    assert redactor(place).text("TOKEN is twelve-signs") == "TOKEN is ••••"


def test_it_never_takes_the_database_for_an_application(folder: Path) -> None:
    """With one service configured, a parameter of another kind is not filled with it."""

    def wants(application_service: ApplicationService) -> None: ...

    place = Environment(name="lab", kind=Kind.LAB, systems={"db": DatabaseService(**commands(folder))})
    with pytest.raises(Refused, match="lab has no application_service configured"):
        place.supply(wants)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('restart = "systemctl restart web"', "restart"),
        ("restart = []", "restart"),
        ('restart = ["a"]\nstatus = ["b"]\nlimit_s = 0', "limit_s"),
    ],
)
def test_it_refuses_what_is_no_command(tmp_path: Path, lines: str, said: str) -> None:
    register_systems()
    file = tmp_path / "environments.toml"
    file.write_text(f'[environments.p]\nkind = "staging"\n[environments.p.systems.application_service]\n{lines}\n')
    with pytest.raises(InvalidConfig, match=said):
        Config.load(file).environment("p")


@pytest.mark.parametrize("kind", [ApplicationService, DatabaseService])
def test_it_shows_lines_that_can_be_used(tmp_path: Path, kind: type[Service]) -> None:
    register_systems()
    file = tmp_path / "environments.toml"
    file.write_text(f'[environments.p]\nkind = "staging"\n[environments.p.systems.{kind.kind}]\n{kind.config_lines}\n')
    assert isinstance(Config.load(file).environment("p").systems[kind.kind], kind)
