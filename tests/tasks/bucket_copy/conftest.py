"""A bucket and the place of its copy: folders of a real S3 server; and two of moto, which keeps versions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.bucket.system import Bucket
from tasks.bucket_copy.system import BucketCopy
from tests.tasks.backup.test_copies import Store, bucket, store  # noqa: F401 - `store` is a fixture


@pytest.fixture
def here(store: Store) -> Path:  # noqa: F811
    return emptied(store.folder / "uploads")


@pytest.fixture
def there(store: Store) -> Path:  # noqa: F811
    return emptied(store.folder / "elsewhere") / "copy"


@pytest.fixture(scope="module")
def doors(store: Store) -> tuple[Bucket, Bucket]:  # noqa: F811
    """Source and destination: boto3 reads megabytes for each new client."""
    return bucket(store, url="s3://uploads"), bucket(store, url="s3://elsewhere/copy")


@pytest.fixture
def copy(doors: tuple[Bucket, Bucket], here: Path, there: Path, tmp_path: Path) -> BucketCopy:
    """`here` is its source, and `there` its destination."""
    return BucketCopy(source=doors[0], destination=doors[1], manifest=tmp_path / "kept" / "manifest.jsonl")


@pytest.fixture
def versioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[BucketCopy, Any]]:
    """A copy whose destination keeps versions, and a client that speaks to both."""
    import boto3
    from moto import mock_aws

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for name in ("uploads", "elsewhere"):
            client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket="elsewhere", VersioningConfiguration={"Status": "Enabled"})
        keys: Any = {"access_key": "LABKEY", "secret_key": "LABSECRET", "region": "us-east-1"}
        source, destination = (Bucket(url=f"s3://{name}", **keys) for name in ("uploads", "elsewhere"))
        yield BucketCopy(source=source, destination=destination, manifest=tmp_path / "manifest.jsonl"), client


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def lay(folder: Path, name: str, content: bytes, hours: float = 1) -> Path:
    """An object that was written so long ago."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    at = file.stat().st_mtime - 3600 * hours
    os.utime(file, (at, at))
    return file
