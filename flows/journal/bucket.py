"""Anchors in an S3 bucket: one object a seal, never overwritten. Keys come from the usual AWS variables.

A good place: a bucket of another account with object lock, and for the workers a key that may put objects and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flows.journal.anchor import CannotAnchor, NotAnchors, contradicting, line_of, parsed
from flows.journal.seal import Seal
from tasks.bucket.system import CHECKSUMS

# A store that does not answer must not hold up the next seal.
CONNECT_S = 5
READ_S = 15
# Reading back takes one request a seal, 50,000 a year; that many at once.
AT_ONCE = 16
# An anchor has some 150 bytes; whatever is longer is none.
LONGEST = 4096

_CURES = {
    "AccessDenied": "Let this key put objects there (and get and list them, to verify).",
    "InvalidAccessKeyId": "Check AWS_ACCESS_KEY_ID, and AWS_ENDPOINT_URL where the store is not Amazon's.",
    "SignatureDoesNotMatch": "Check AWS_SECRET_ACCESS_KEY.",
    "NoSuchBucket": "Create the bucket, or correct [record] anchors.",
    "NotImplemented": "This store knows no conditional writes (If-None-Match), which keep it from overwriting.",
}


@dataclass(frozen=True)
class Bucket:
    """`s3://bucket/prefix`: its objects are called prefix/seal-00000042.json."""

    url: str

    @property
    def shown(self) -> str:
        return self.url

    @property
    def _bucket(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def _prefix(self) -> str:
        path = self.url.removeprefix("s3://").partition("/")[2].strip("/")
        return f"{path}/" if path else ""

    def anchor(self, seal: Seal) -> bool:
        key = f"{self._prefix}seal-{seal.seal:08}.json"
        with self._speaking():
            there = self._seen(key)
            # Asked first, because not every store honours the condition that nothing is replaced.
            if there is None and self._put(key, line_of(seal)):
                return True
            there = there or self._seen(key)
        if there is not None and parsed(there, f"{self.url}, {key}") != (seal.seal, seal.hash):
            raise NotAnchors(contradicting(seal.seal, f"{self.url}, {key}"))
        return False

    def anchors(self) -> Mapping[int, str]:
        with self._speaking(), ThreadPoolExecutor(AT_ONCE) as threads:
            return dict(threads.map(self._read, self._keys()))

    def _keys(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        for page in pages:
            for listed in page.get("Contents", ()):
                if re.fullmatch(r"seal-[0-9]{8,}\.json", listed["Key"].removeprefix(self._prefix)):
                    yield listed["Key"]

    def _read(self, key: str) -> tuple[int, str]:
        where = f"{self.url}, {key}"
        seal, hashed = parsed(self._get(key), where)
        if not key.endswith(f"seal-{seal:08}.json"):
            raise NotAnchors(f"{where}: it holds the anchor of seal {seal}: copied there.")
        return seal, hashed

    def _get(self, key: str) -> str:
        told = self._client.get_object(Bucket=self._bucket, Key=key)
        return str(told["Body"].read(LONGEST).decode("utf-8", "replace"))

    def _seen(self, key: str) -> str | None:
        """The object's text; None if there is none, or if our key may only put objects."""
        from botocore.exceptions import ClientError

        try:
            return self._get(key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404", "AccessDenied", "403"):
                return None
            raise

    def _put(self, key: str, text: str) -> bool:
        """False: there is such an object already."""
        from botocore.exceptions import ClientError

        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=text.encode(), ContentType="application/json", IfNoneMatch="*"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
                return False
            raise
        return True

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        settings = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=AT_ONCE,
            **CHECKSUMS,
        )
        # Not boto3's own session, which goes on with the first key it ever saw.
        return boto3.Session().client("s3", config=settings)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """What the store, or the library, refuses becomes one clean sentence.

        Raises:
            CannotAnchor: that sentence.
        """
        try:
            from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
        except ImportError:
            raise CannotAnchor(f"{self.url}: boto3 is not installed. pip install 'boto3>=1.44,<2'") from None
        try:
            yield
        except NoCredentialsError:
            raise CannotAnchor(
                f"{self.url}: no key. Export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL where "
                "the store is not Amazon's."
            ) from None
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            raise CannotAnchor(f"{self.url}: refused: {code}. {_CURES.get(code, '')}".rstrip()) from None
        except (BotoCoreError, ValueError) as error:
            raise CannotAnchor(f"{self.url}: {error}. Check AWS_ENDPOINT_URL and AWS_REGION.") from None
