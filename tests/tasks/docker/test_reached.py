"""Is an engine elsewhere reached only where both sides prove who they are, and is a silent one left in time?"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.docker.services.checks import check_containers
from tasks.docker.system import ANSWERS_WITHIN_S, Docker
from tasks.model import CannotLook, Refused
from tests.tasks.docker.engine import Engine, remote
from tests.tasks.web.test_tls import Authority

FILES = {"ca": "/ca.pem", "cert": "/cert.pem", "key": "/key.pem"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.founded(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def far(authority: Authority) -> Iterator[tuple[Engine, str]]:
    with remote(authority.context(authority.issue("engine"), wants_ours=True)) as engine:
        yield engine


def door(url: str, authority: Authority, name: str) -> Docker:
    own = authority.issue(name)
    return Docker(url=url, ca=own.ca_file, cert=own.certificate, key=own.key, project="shop", limit_s=60)


def test_it_speaks_to_an_engine_elsewhere_by_tls(far: tuple[Engine, str], authority: Authority) -> None:
    engine, url = far
    engine.service(1, "web")
    docker = door(url, authority, "worker")
    assert check_containers.fn(docker).says == "1 container runs, of shop."
    assert [found.says for found in docker.examine()] == [f"The engine at {url} answers: 28.2.2."]


def test_it_believes_no_other_engine(
    far: tuple[Engine, str], authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, url = far
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.folder / "ca.pem"))
    with pytest.raises(CannotLook, match="certificate verify failed"):
        check_containers.fn(door(url, Authority.founded(tmp_path), "worker"))
    assert engine.asked == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "tcp://engine.example:2376"}, "would be root there"),
        ({"url": "http://engine.example:2376", **FILES}, "write tcp://HOST:PORT"),
        ({"url": "unix:///var/run/docker.sock"}, "a socket belongs in `socket`"),
        ({"url": "tcp://engine.example:2376", "ca": "/ca.pem"}, "go together"),
        (FILES, "are for a `url`"),
        ({"project": "Shop=1"}, "match"),
    ],
)
def test_it_refuses_a_way_that_is_not_safe(given: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Docker.model_validate(given)


def test_it_takes_a_tunnel_that_ends_on_this_machine() -> None:
    assert Docker(url="tcp://127.0.0.1:2375").way.said == "tcp://127.0.0.1:2375"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_it_leaves_one_that_takes_the_call_and_keeps_silent(said: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="engine-") as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/docker.sock")
        listening.listen()
        began = time.monotonic()
        with pytest.raises(CannotLook, match="No engine answers at"):
            check_containers.fn(Docker(socket=Path(folder) / "docker.sock", project="shop", limit_s=0.5))
        assert time.monotonic() - began < 2
        assert ANSWERS_WITHIN_S < 8


def test_it_says_that_it_is_no_engine(authority: Authority) -> None:
    with remote(authority.context(authority.issue("engine"))) as (engine, url):
        engine.version = "teapot"
        with pytest.raises((CannotLook, Refused)):
            check_containers.fn(door(url, authority, "worker"))
