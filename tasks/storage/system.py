"""The door to the bucket in which the application keeps its files: Amazon's S3, R2, B2, MinIO, Ceph.

It asks with the application's own settings, not with a shell's: there a missing variable looks like an outage.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from tasks import secret_file
from tasks.bucket.system import Bucket, StoreRefused
from tasks.kept import asked_once
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.spare_key import NOUN, Tried, fingerprint
from tasks.storage.told import KEY_REFUSED, Standing, cure_of, standing_of
from tasks.system import System

# A secret key of S3 has forty characters, of other stores up to twice as many.
LONGEST_KEY = 512
ASKED = "GET ?list-type=2&max-keys=1"


@dataclass(frozen=True, kw_only=True)
class Knock:
    """What one listing of the bucket showed. `skew_s`: how far our clock is ahead; None where the store tells none."""

    standing: Standing
    status: int
    says: str
    took_s: float
    skew_s: float | None


class Storage(System):
    """`s3://bucket/prefix`, and the pair of keys as one line `ID:SECRET`.

    Where the application reads that line from a file, `key_file` names it, and `spare_key` may take its place.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "storage"
    config_lines: ClassVar[str] = (
        'url = "s3://uploads"\n'
        'endpoint_url = "https://<account>.r2.cloudflarestorage.com"   # where the store is not Amazon\'s\n'
        'key = "${STORAGE_KEY_ID}:${STORAGE_KEY_SECRET}"   # or key_file = "/run/secrets/storage", one line like it\n'
        "round_trip = true   # writes, reads and removes a small object under .incident-probe/ when it is asked"
    )

    # As a Bucket's: it is made of them.
    url: str
    endpoint_url: str | None = None
    region: str = "auto"
    key: SecretStr | None = Field(default=None, max_length=LONGEST_KEY)
    key_file: Path | None = None
    spare_key: SecretStr | None = Field(default=None, max_length=LONGEST_KEY)
    # May a question write a small object, and remove it? It may start what waits for new objects.
    round_trip: bool = False
    # The pages that upload and download from a browser: "https://app.example.com".
    origins: tuple[str, ...] = ()
    # Read by a stand-in that can be told to be ill, as the lab's is. Never set it in production.
    drill_file: Path | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.key is None) == (self.key_file is None):
            raise ValueError("give `key` or `key_file`: one of them")
        if self.spare_key is not None and self.key_file is None:
            raise ValueError("`spare_key` without `key_file`: say in which file the application finds its key")
        for one in (self.key, self.spare_key):
            if one is not None:
                self._opened(one)
        return self

    @property
    def said(self) -> str:
        return self.url

    def key_now(self) -> SecretStr:
        """The pair in use.

        Raises:
            Refused: the file cannot be read, or holds none.
        """
        return self.key if self.key is not None else secret_file.read(self.key_file or Path(), NOUN)

    def opened(self) -> Bucket:
        """The bucket, with the pair in use.

        Raises:
            Refused: there is none.
        """
        try:
            return self._opened(self.key_now())
        except ValueError as error:
            raise Refused(f"The key file {self.key_file}: {error}.", remedy="One line ID:SECRET.") from None

    def knock(self) -> Knock:
        """List one object, once for all questions of a round: how do we stand there?

        Raises:
            CannotLook: nothing came back.
        """
        return asked_once((self, "knock"), lambda: _knock(self.opened()))

    def try_key(self, key: SecretStr) -> Tried:
        """The same with this pair, in the words of a spare key.

        Raises:
            CannotLook: nothing came back.
        """
        seen = _knock(self._opened(key))
        # Whoever may not list, or names no bucket that is there, was recognised all the same.
        known = seen.standing in (Standing.WELL, Standing.NOT_ALLOWED, Standing.NO_BUCKET)
        refused = seen.standing in KEY_REFUSED
        return Tried(line=ASKED, status=seen.status, says=seen.says, taken=known, refused=refused)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            seen = self.knock()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        well = seen.standing is Standing.WELL
        mark = fingerprint(self.key_now())
        yield Finding(
            verdict=Verdict.OK if well else Verdict.BAD,
            says=f"{self.url} answers to the key {mark}." if well else f"{seen.says} The key in use is {mark}.",
            remedy=cure_of(seen.standing),
        )

    def _opened(self, pair: SecretStr) -> Bucket:
        """
        Raises:
            ValueError: it is no pair.
        """
        first, _, second = pair.get_secret_value().partition(":")
        if not first or not second:
            raise ValueError("a key is one line ID:SECRET; one of the two is empty, or the colon is missing")
        return _bucket(self.url, self.endpoint_url, self.region, SecretStr(first), SecretStr(second))


# boto3 reads megabytes for each new client; a process asks with the key in use, and tries the spare one.
@lru_cache(maxsize=4)
def _bucket(url: str, endpoint_url: str | None, region: str, access_key: SecretStr, secret_key: SecretStr) -> Bucket:
    return Bucket(url=url, endpoint_url=endpoint_url, region=region, access_key=access_key, secret_key=secret_key)


def _knock(bucket: Bucket) -> Knock:
    began = time.monotonic()
    try:
        with bucket.speaking():
            client = bucket.client
            # To make one takes longer than to ask.
            began = time.monotonic()
            told: dict[str, Any] = client.list_objects_v2(Bucket=bucket.name, Prefix=bucket.key_of(""), MaxKeys=1)
    except StoreRefused as error:
        standing = standing_of(error.code, error.status)
        return Knock(
            standing=standing,
            status=error.status,
            says=f"{bucket.url}: {standing.value} ({error.code}).",
            took_s=time.monotonic() - began,
            skew_s=_skew(error.date),
        )
    about = told["ResponseMetadata"]
    return Knock(
        standing=Standing.WELL,
        status=int(about["HTTPStatusCode"]),
        says="",
        took_s=time.monotonic() - began,
        skew_s=_skew(str(about["HTTPHeaders"].get("date", ""))),
    )


def _skew(date: str) -> float | None:
    """How far our clock is ahead of the store's, which tells whole seconds."""
    with suppress(ValueError, TypeError):
        theirs = parsedate_to_datetime(date)
        return (datetime.now(UTC) - theirs).total_seconds()
    return None
