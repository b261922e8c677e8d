"""The door to a copy of a bucket: what is copied, where to, and what we wrote down about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from tasks.bucket.system import Bucket
from tasks.bucket_copy.manifest import Manifest
from tasks.model import Finding, Refused, Verdict
from tasks.system import System


class BucketCopy(System):
    """Everything under `source` also under `destination`, best of another provider or account.

    Nothing is ever removed there: what was deleted at the source stays in the copy. What changed at the source is
    copied only where the destination keeps versions. An ETag tells nothing: that of a large object depends on the parts
    it was sent in. So each object's SHA-256 is written down in `manifest` when it was copied and read back.
    """

    kind: ClassVar[str] = "bucket_copy"
    config_lines: ClassVar[str] = (
        'source = { url = "s3://uploads", access_key = "${UPLOADS_KEY}", secret_key = "${UPLOADS_SECRET}" }\n'
        'destination = { url = "s3://uploads-copy/app", endpoint_url = "https://<account>.r2.cloudflarestorage.com", '
        'access_key = "${COPY_KEY}", secret_key = "${COPY_SECRET}" }  # another account, versioned, with object lock\n'
        'manifest = "/var/lib/incident/uploads-copy.jsonl"  # what was copied, with its SHA-256; kept by the worker'
    )

    source: Bucket
    destination: Bucket
    manifest: Path
    # In one run. What is more goes the next night; the first copy of a large bucket is for `rclone copy`.
    most_objects: int = Field(default=500, ge=1, le=5000)
    # More are not listed: a million keys are hundreds of megabytes here.
    most_listed: int = Field(default=500_000, ge=1, le=2_000_000)

    @model_validator(mode="after")
    def _two_places(self) -> Self:
        here, there = (f"{one.endpoint_url or ''} {one.url.rstrip('/')}/" for one in (self.source, self.destination))
        if here.startswith(there) or there.startswith(here):
            raise ValueError("source and destination lie within each other: a copy of its own copies never ends")
        return self

    @property
    def written_down(self) -> Manifest:
        """What we know of the objects that were copied."""
        return Manifest(self.manifest, f"{self.source.url} {self.destination.url}")

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        yield from self.source.examine()
        yield from self.destination.examine()
        try:
            known = len(self.written_down.read())
        except Refused as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{self.manifest} knows {known:,} copied objects.")
