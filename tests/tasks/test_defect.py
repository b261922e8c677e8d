"""What somebody's code raises: is it the system that is silent, or a file that is wrong, and which?"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from deployments.ports import free_port
from tasks.check import check
from tasks.defect import Defect, called, line_of
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Finding, Refused, canonical
from tests.tasks.doors import Lamp

# As a team may write it, each in its own way; nothing listens on the port.
THEIRS = """
import socket, urllib.request
import httpx, psycopg
from tasks.model import canonical

class LibraryError(Exception):
    pass

def by_socket(port):
    socket.create_connection(("127.0.0.1", port), timeout=5)

def by_httpx(port):
    httpx.get(f"http://127.0.0.1:{port}")

def by_psycopg(port):
    psycopg.connect(f"postgresql://a:b@127.0.0.1:{port}/c")

def by_urllib(port):
    urllib.request.urlopen(f"http://127.0.0.1:{port}")

def by_name(port):
    socket.create_connection(("no-such-host.invalid", port), timeout=5)

def wrapped_by_a_library(port):
    try:
        by_socket(port)
    except OSError:
        raise LibraryError("no luck")

def wrapped_by_hand(port):
    try:
        by_socket(port)
    except OSError as error:
        raise RuntimeError("no luck") from error

def nonsense_in_the_handler(port):
    try:
        by_socket(port)
    except OSError:
        print(eror)

def division(port):
    return 1 / (port - port)

def nonsense_asked_of_ours(port):
    return canonical({"number": float("nan")})

def no_such_file(port):
    return open("/nowhere/at-all").read()

def leaves(port):
    raise SystemExit(3)
"""
SILENT = ["by_socket", "by_httpx", "by_psycopg", "by_urllib", "by_name", "wrapped_by_a_library", "wrapped_by_hand"]
DEFECTS = [
    ("nonsense_in_the_handler", "NameError: name 'eror' is not defined"),
    ("division", "ZeroDivisionError: division by zero"),
    ("nonsense_asked_of_ours", "FloatDomainError"),
    ("no_such_file", "FileNotFoundError"),
    ("leaves", "SystemExit: 3"),
]


Ask = Callable[[str], Callable[..., object]]


@pytest.fixture
def theirs(tmp_path: Path) -> Ask:
    """Functions of a file that is not ours."""
    file = tmp_path / "systems" / "crm" / "checks.py"
    file.parent.mkdir(parents=True)
    file.write_text(THEIRS)
    spec = importlib.util.spec_from_file_location("crm_checks", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda name: getattr(module, name)


@pytest.mark.parametrize("way", SILENT)
def test_it_takes_a_refused_connection_for_the_systems_silence(theirs: Ask, way: str) -> None:
    with pytest.raises(CannotLook) as silent:
        called(theirs(way), port=free_port())
    assert not isinstance(silent.value, Refused), "asking again may help"
    assert silent.value.says.startswith(f"{way}: the system did not answer as it should: ")
    assert "(systems/crm/checks.py, line " in silent.value.says
    assert silent.value.remedy == "Look whether it is up, and can be reached from where this runs."


@pytest.mark.parametrize(("way", "said"), DEFECTS)
def test_it_names_the_file_and_the_line_of_a_defect(theirs: Ask, way: str, said: str) -> None:
    with pytest.raises(Defect) as defect:
        called(theirs(way), port=5432)
    assert defect.value.says.startswith(f"{way} crashed: {said}")
    assert "(systems/crm/checks.py, line " in defect.value.says
    assert defect.value.remedy == (
        "This is a defect of systems/crm/checks.py, not of your system, and not of `incident`. Mend it there."
    )


def test_it_says_so_where_the_line_is_ours() -> None:
    with pytest.raises(Defect) as defect:
        called(canonical, value=float("nan"))
    assert (
        "(incident-pipelines/tasks/model.py, line " in defect.value.says or "tasks/model.py, line " in defect.value.says
    )
    assert defect.value.remedy.startswith("This is a defect of `incident`, not of your system.")


def test_it_leaves_our_own_words_alone() -> None:
    def refuse() -> None:
        raise Refused("No.", remedy="Ask nicely.")

    with pytest.raises(Refused) as refused:
        called(refuse)
    assert (type(refused.value), refused.value.says, refused.value.remedy) == (Refused, "No.", "Ask nicely.")


def test_it_finds_no_line_where_only_a_library_has_a_part() -> None:
    assert line_of(ZeroDivisionError()) is None


def test_a_check_that_finds_nobody_is_asked_again_and_then_unknown() -> None:
    port = free_port()

    @check
    def check_door(lamp: Lamp) -> Finding:
        """Is anybody there?"""
        with closing(socket.create_connection(("127.0.0.1", port))):
            raise AssertionError("nobody should be")

    with pytest.raises(CannotLook, match=r"^check_door: the system did not answer as it should: Conn") as silent:
        check_door.ask(Environment(name="here", kind=Kind.LAB, systems={"lamp": Lamp()}))
    assert not isinstance(silent.value, Refused)
