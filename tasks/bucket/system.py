"""The door to an S3 bucket: Amazon's, R2, B2, MinIO, Ceph. Objects are added and read.

One is replaced only where the bucket keeps what it was, and removed only while it is what we put there.

The only file in tasks/ that knows boto3, which is brought by the extra `aws`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, SecretStr

from tasks.excerpt import excerpt
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
# R2 and others have no versions, and say so in one of these ways.
NO_VERSIONS = ("NotImplemented", "MethodNotAllowed", "501", "405")
# What a browser goes by, as S3 calls it: a copy without them is another thing.
KEPT_HEADERS = ("ContentType", "ContentEncoding", "ContentLanguage", "ContentDisposition", "CacheControl")
SHA256 = "sha256"

_CURES = {
    "AccessDenied": "Let this key put, get and list objects there.",
    "403": "Let this key put, get and list objects there.",
    "InvalidAccessKeyId": "Check access_key, and endpoint_url where the store is not Amazon's.",
    "SignatureDoesNotMatch": "Check secret_key.",
    "NoSuchBucket": "Create the bucket, or correct its url.",
}


class StoreRefused(Refused):
    """The store answered with an error: `code` as S3 calls it, the HTTP `status`, and the moment of its own clock."""

    def __init__(self, says: str, remedy: str, *, code: str, status: int, date: str) -> None:
        super().__init__(says, remedy)
        self.code, self.status, self.date = code, status, date


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An object as the store tells of it. `sha256` as it was given with it; empty where the store keeps none.

    `at` is when it was written, to the second (stores round it otherwise in each answer). `version` is empty where the
    bucket keeps none. `settings` are its headers and metadata, as an upload takes them.
    """

    bytes: int
    sha256: str
    at: datetime
    version: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """An object as a listing tells of it; `at` as in Stored."""

    bytes: int
    at: datetime


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

    def put(self, file: Path, key: str, sha256: str, settings: Mapping[str, Any] | None = None) -> Stored:
        """Store `file` under `key`, and read it back to the end: what is there is what was sent.

        An object that is there already is never replaced: if it is the same it is left, otherwise refused.

        Raises:
            Refused: another object has the key; or what was read back differs. CannotLook: the store does not answer.
        """
        if self.head(key) is None:
            self._upload(file, key, sha256, settings)
        return self._read_back(file, key, sha256)

    def put_over(self, file: Path, key: str, sha256: str, settings: Mapping[str, Any] | None = None) -> Stored:
        """The same where another object has the key, which stays as an older version.

        Raises:
            Refused: the bucket keeps no versions; otherwise as `put`.
        """
        if not self.keeps_versions():
            raise Refused(f"{self.url} keeps no versions: what is there would be lost.", remedy="Turn versioning on.")
        self._upload(file, key, sha256, settings)
        return self._read_back(file, key, sha256)

    def holds(self, key: str, size: int, version: str, sha256: str) -> bool:
        """Is this what lies under `key` now? It is read to its end.

        Raises:
            CannotLook, Refused: the store does not tell.
        """
        there = self.head(key)
        return there is not None and (there.bytes, there.version) == (size, version) and self.hash_of(key) == sha256

    def remove(self, key: str, size: int, version: str, sha256: str) -> None:
        """Remove what we put there: exactly this version, where the bucket keeps them.

        Raises:
            Refused: it is another one by now, or may not be removed. CannotLook: the store does not answer.
        """
        if not self.holds(key, size, version, sha256):
            raise Refused(f"{self.url}, {key} is not what was put there.", remedy="Look who wrote it.")
        exactly = {"VersionId": version} if version else {}
        with self.speaking():
            self.client.delete_object(Bucket=self.name, Key=self.key_of(key), **exactly)

    def keeps_versions(self) -> bool:
        """Does what is replaced here stay as an older version?

        Raises:
            CannotLook, Refused: the store does not tell.
        """
        with self.speaking():
            from botocore.exceptions import ClientError

            try:
                told = self.client.get_bucket_versioning(Bucket=self.name)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in NO_VERSIONS:
                    return False
                raise
            return str(told.get("Status", "")) == "Enabled"

    def objects(self, most: int) -> dict[str, Listed]:
        """All objects under the url's prefix, by their key without it.

        Raises:
            Refused: there are more than `most`. CannotLook: the store does not answer.
        """
        found: dict[str, Listed] = {}
        prefix = self.key_of("")
        with self.speaking():
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            for page in pages:
                for one in page.get("Contents", ()):
                    listed = Listed(bytes=int(one["Size"]), at=_second(one["LastModified"]))
                    found[str(one["Key"]).removeprefix(prefix)] = listed
                if len(found) > most:
                    raise Refused(
                        f"{self.url} has more than {most:,} objects.", remedy="Name a part of it by a longer prefix."
                    )
        return found

    def fetch(self, key: str, to: Path, most_bytes: int) -> str:
        """Read an object into the file `to`: its SHA-256.

        Raises:
            Refused: it has more than `most_bytes`, or cannot be read. CannotLook: the store does not answer.
        """
        hashed, taken = hashlib.sha256(), 0
        with self.speaking(), to.open("wb") as file:
            body = self.client.get_object(Bucket=self.name, Key=self.key_of(key))["Body"]
            for piece in body.iter_chunks(PIECE_BYTES):
                taken += len(piece)
                if taken > most_bytes:
                    raise Refused(f"{self.url}, {key} has more than {most_bytes:,} bytes by now.")
                file.write(piece)
                hashed.update(piece)
        return hashed.hexdigest()

    def head(self, key: str) -> Stored | None:
        """What is stored under `key`; None: nothing.

        Raises:
            CannotLook, Refused: the store does not tell.
        """
        with self.speaking():
            from botocore.exceptions import ClientError

            try:
                told = self.client.head_object(Bucket=self.name, Key=self.key_of(key))
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in MISSING:
                    return None
                raise
            # Stores change the case of a name of metadata.
            kept = {name.lower(): value for name, value in told.get("Metadata", {}).items()}
            settings = {name: told[name] for name in KEPT_HEADERS if told.get(name)}
            return Stored(
                bytes=int(told["ContentLength"]),
                sha256=str(kept.get(SHA256, "")),
                at=_second(told["LastModified"]),
                version=str(told.get("VersionId") or ""),
                settings={**settings, "Metadata": kept},
            )

    def hash_of(self, key: str) -> str:
        """SHA-256 of the object, read to its end.

        Raises:
            CannotLook, Refused: it cannot be read.
        """
        hashed = hashlib.sha256()
        with self.speaking():
            body = self.client.get_object(Bucket=self.name, Key=self.key_of(key))["Body"]
            for piece in body.iter_chunks(PIECE_BYTES):
                hashed.update(piece)
        return hashed.hexdigest()

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            with self.speaking():
                self.client.list_objects_v2(Bucket=self.name, Prefix=self.key_of(""), MaxKeys=1)
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{self.url} answers.")

    def _upload(self, file: Path, key: str, sha256: str, settings: Mapping[str, Any] | None) -> None:
        given = dict(settings or {})
        given["Metadata"] = {**given.get("Metadata", {}), SHA256: sha256}
        with self.speaking():
            self.client.upload_file(str(file), self.name, self.key_of(key), ExtraArgs=given)

    def _read_back(self, file: Path, key: str, sha256: str) -> Stored:
        there = self.head(key)
        size = file.stat().st_size
        told = f"{self.url}, {key}"
        by_hand = "Nothing there is replaced by us: look who wrote it, and remove it by hand if it is of no use."
        if there is None or there.bytes != size:
            has = f"{there.bytes if there else 0:,} bytes, and not the {size:,}"
            raise Refused(f"{told} has {has} of {file}.", remedy=by_hand)
        if there.sha256 not in ("", sha256) or self.hash_of(key) != sha256:
            raise Refused(f"{told} is not {file}: its SHA-256 differs.", remedy=by_hand)
        return there

    @property
    def name(self) -> str:
        """What the bucket is called."""
        return self.url.removeprefix("s3://").partition("/")[0]

    def key_of(self, key: str) -> str:
        """Under which key the store has it: with the url's prefix."""
        prefix = self.url.removeprefix("s3://").partition("/")[2].strip("/")
        return f"{prefix}/{key}" if prefix else key

    @cached_property
    def client(self) -> Any:
        """boto3's own; what it raises is told in our words within `speaking`."""
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
    def speaking(self) -> Iterator[None]:
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
            code = excerpt(str(error.response.get("Error", {}).get("Code", "unknown")), 60)
            about = error.response.get("ResponseMetadata", {})
            raise StoreRefused(
                f"{self.url}: refused: {code}.",
                remedy=_CURES.get(code, ""),
                code=code,
                status=int(about.get("HTTPStatusCode", 0)),
                date=str(about.get("HTTPHeaders", {}).get("date", "")),
            ) from None
        except S3UploadFailedError as error:
            raise CannotLook(f"{self.url}: the upload broke off: {error}.") from None
        except (BotoCoreError, ValueError) as error:
            raise CannotLook(f"{self.url}: {error}.", remedy="Check endpoint_url and region.") from None


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
