"""The application's storage: a folder of a real S3 server, one of moto's, which has settings, and the lab's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.lab import store as lab_store
from deployments.ports import free_port
from tasks.storage.system import Storage
from tests.deployments.processes import wait_until
from tests.flows.journal.test_bucket import KEY, SECRET, listens
from tests.tasks.backup.test_copies import Store, store  # noqa: F401 - `store` is a fixture

PAIR = f"{KEY}:{SECRET}"
FIRST, SPARE = "LAB0:first-secret", "LAB1:spare-secret"
Opened = Callable[..., Storage]


@pytest.fixture
def uploads(store: Store) -> Path:  # noqa: F811
    """The bucket's folder, empty."""
    folder = store.folder / "uploads"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@pytest.fixture
def opened(store: Store, uploads: Path) -> Opened:  # noqa: F811
    """The real server's, otherwise as a test says."""

    def made(**changed: Any) -> Storage:
        given: dict[str, Any] = {
            "url": "s3://uploads/app",
            "endpoint_url": f"http://127.0.0.1:{store.port}",
            "key": PAIR,
            "round_trip": True,
        }
        return Storage(**{**given, **changed})

    return made


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Storage, Any]]:
    """One with settings and versions, and a client that changes them."""
    import boto3
    from moto import mock_aws

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="uploads")
        yield (
            Storage(url="s3://uploads/app", region="us-east-1", key=SecretStr(PAIR), round_trip=True),
            client,
        )


@dataclass(frozen=True)
class Lab:
    """The lab's stand-in, which can be told to be ill."""

    folder: Path
    port: int

    @property
    def key_file(self) -> Path:
        return self.folder / lab_store.KEY

    def storage(self, **changed: Any) -> Storage:
        given: dict[str, Any] = {
            "url": "s3://uploads/app",
            "endpoint_url": f"http://127.0.0.1:{self.port}",
            "key_file": self.key_file,
            "spare_key": SPARE,
            "round_trip": True,
            "drill_file": self.folder / lab_store.TROUBLE,
        }
        return Storage(**{**given, **changed})


@pytest.fixture(scope="module")
def running_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("store"), free_port())
    (lab.folder / lab_store.KEYS).write_text(f"{FIRST}\n{SPARE}\n")
    server = subprocess.Popen([sys.executable, "-P", lab_store.__file__, str(lab.folder), str(lab.port)])
    try:
        wait_until(lambda: listens(lab.port), "the lab's store")
        yield lab
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def lab(running_lab: Lab) -> Lab:
    (running_lab.folder / lab_store.TROUBLE).unlink(missing_ok=True)
    running_lab.key_file.write_text(f"{FIRST}\n")
    running_lab.key_file.chmod(0o600)
    return running_lab
