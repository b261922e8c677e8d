"""A way to leave a bucket's copy behind."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tasks.bucket.system import Bucket
from tasks.bucket_copy.system import BucketCopy
from tasks.fault import Fault


@dataclass(frozen=True, kw_only=True)
class Left:
    """What was put at the source."""

    copy: BucketCopy
    key: str
    size: int
    sha256: str


class LeaveUncopied(Fault):
    """Store a file that is in no copy yet."""

    def cause(self, copy: BucketCopy) -> Left:
        content = secrets.token_bytes(1000)
        left = Left(
            copy=copy,
            key=f"incident-drill-{secrets.token_hex(8)}",
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        with tempfile.TemporaryDirectory(prefix="incident-drill-") as folder:
            file = Path(folder) / "object"
            file.write_bytes(content)
            copy.source.put(file, left.key, left.sha256)
        return left

    def cure(self, trouble: Left) -> None:
        for bucket in (trouble.copy.source, trouble.copy.destination):
            _remove(bucket, trouble)


def _remove(bucket: Bucket, left: Left) -> None:
    there = bucket.head(left.key)
    if there is not None:
        bucket.remove(left.key, left.size, there.version, left.sha256)
