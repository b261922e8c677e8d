"""Are the lines that we give whoever has configured nothing lines that work?"""

from __future__ import annotations

import tomllib

import pytest

from tasks.backup.system import Backups
from tasks.bucket.system import Bucket
from tasks.certificates.system import Certificates
from tasks.retention.system import Retention
from tasks.system import System

URL = "postgresql://somebody@db.example.com/app"


@pytest.mark.parametrize("kind", [Retention, Backups, Bucket, Certificates])
def test_it_can_be_configured_as_it_says(kind: type[System]) -> None:
    told = tomllib.loads(kind.config_lines)
    given = {name: URL if str(value).startswith("${") else value for name, value in told.items()}
    given |= {"endpoint_url": "https://store.example.com"} if kind is Bucket else {}
    assert kind(**given)
