"""The door to an S3 bucket: Amazon's, R2, B2, MinIO, Ceph. Objects are added and read, never replaced, never removed.

The only file in tasks/ that knows boto3, which is brought by the extra `aws`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, SecretStr

from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System

# A store that does not answer is a fact to report.
CONNECT_S = 5
READ_S = 60
PIECE_BYTES = 2**20
# Since 1.36 botocore adds checksums that R2, B2 and others refuse ("Unauthorized").
CHECKSUMS: dict[str, Any] = {
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}
MISSING = ("404", "NoSuchKey", "NotFound")

_CURES = {
    "AccessDenied": "Let this key put, get and list objects there.",
    "403": "Let this key put, get and list objects there.",
    "InvalidAccessKeyId": "Check access_key, and endpoint_url where the store is not Amazon's.",
    "SignatureDoesNotMatch": "Check secret_key.",
    "NoSuchBucket": "Create the bucket, or correct its url.",
}


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An object as the store tells of it. `sha256` as it was given with it; empty where the store keeps none."""

    bytes: int
    sha256: str


class Bucket(System):
    """`s3://bucket/prefix`. Without keys of its own, boto3 looks for them as usual (AWS_ACCESS_KEY_ID, a role, …).

    A good place: another account, versioned and with object lock, and a key that may not delete.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "bucket"
    config_lines: ClassVar[str] = (
        'url = "s3://backups/app"\n'
        'endpoint_url = "https://<account>.r2.cloudflarestorage.com"   # where the store is not Amazon\'s\n'
        'access_key = "${BACKUP_BUCKET_KEY}"\nsecret_key = "${BACKUP_BUCKET_SECRET}"'
    )

    url: str = Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?$")
    endpoint_url: str | None = Field(default=None, pattern=r"^https?://")
    region: str = "auto"
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None

    def put(self, file: Path, key: str, sha256: str) -> None:
        """Store `file` under `key`, and read it back to the end: what is there is what was sent.

        An object that is there already is never replaced: if it is the same it is left, otherwise refused.

        Raises:
            Refused: another object has the key; or what was read back differs. CannotLook: the store does not answer.
        """
        if self.head(key) is None:
            with self._speaking():
                name = {"Bucket": self._bucket, "Key": self._key(key)}
                self._client.upload_file(str(file), *name.values(), ExtraArgs={"Metadata": {"sha256": sha256}})
        there = self.head(key)
        size = file.stat().st_size
        told = f"{self.url}, {key}"
        if there is None or there.bytes != size:
            raise Refused(
                f"{told} has {there.bytes if there else 0:,} bytes, and not the {size:,} of {file}.",
                remedy="Nothing there is replaced by us: look who wrote it, and remove it by hand if it is of no use.",
            )
        if there.sha256 not in ("", sha256) or self.hash_of(key) != sha256:
            raise Refused(
                f"{told} is not {file}: its SHA-256 differs.",
                remedy="Nothing there is replaced by us: look who wrote it, and remove it by hand if it is of no use.",
            )

    def head(self, key: str) -> Stored | None:
        """What is stored under `key`; None: nothing.

        Raises:
            CannotLook, Refused: the store does not tell.
        """
        with self._speaking():
            from botocore.exceptions import ClientError

            try:
                told = self._client.head_object(Bucket=self._bucket, Key=self._key(key))
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in MISSING:
                    return None
                raise
            # Stores change the case of a name of metadata.
            kept = {name.lower(): value for name, value in told.get("Metadata", {}).items()}
            return Stored(bytes=int(told["ContentLength"]), sha256=str(kept.get("sha256", "")))

    def hash_of(self, key: str) -> str:
        """SHA-256 of the object, read to its end.

        Raises:
            CannotLook, Refused: it cannot be read.
        """
        hashed = hashlib.sha256()
        with self._speaking():
            body = self._client.get_object(Bucket=self._bucket, Key=self._key(key))["Body"]
            for piece in body.iter_chunks(PIECE_BYTES):
                hashed.update(piece)
        return hashed.hexdigest()

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            with self._speaking():
                self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._key(""), MaxKeys=1)
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{self.url} answers.")

    @property
    def _bucket(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[0]

    def _key(self, key: str) -> str:
        prefix = self.url.removeprefix("s3://").partition("/")[2].strip("/")
        return f"{prefix}/{key}" if prefix else key

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        settings = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"total_max_attempts": 3, "mode": "standard"},
            **CHECKSUMS,
        )
        keys = {}
        if self.access_key and self.secret_key:
            keys["aws_access_key_id"] = self.access_key.get_secret_value()
            keys["aws_secret_access_key"] = self.secret_key.get_secret_value()
        # Not boto3's own session, which goes on with the first key it ever saw.
        session = boto3.Session(**keys, region_name=self.region)
        return session.client("s3", endpoint_url=self.endpoint_url, config=settings)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """What the store, or the library, refuses becomes one clean sentence.

        Raises:
            CannotLook, Refused: that sentence.
        """
        try:
            from boto3.exceptions import S3UploadFailedError
            from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
        except ImportError:
            raise Refused(f"{self.url}: boto3 is not installed.", remedy="pip install 'boto3>=1.44,<2'") from None
        try:
            yield
        except NoCredentialsError:
            raise Refused(f"{self.url}: no key.", remedy="Give the bucket access_key and secret_key.") from None
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            raise Refused(f"{self.url}: refused: {code}.", remedy=_CURES.get(code, "")) from None
        except S3UploadFailedError as error:
            raise CannotLook(f"{self.url}: the upload broke off: {error}.") from None
        except (BotoCoreError, ValueError) as error:
            raise CannotLook(f"{self.url}: {error}.", remedy="Check endpoint_url and region.") from None
