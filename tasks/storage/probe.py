"""A small object that is written, read and removed again: what the key may do, shown by doing it.

Each has a name of its own below one folder. One that was left by a process that died is removed by the next, if it is
old and looks as ours do; nothing else is ever touched.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.bucket.system import Bucket, StoreRefused
from tasks.model import CannotLook
from tasks.storage.told import Standing, standing_of

FOLDER = ".incident-probe/"
# Younger ones may be another process's that is at it just now.
LEFT_AFTER = timedelta(minutes=10)
MOST_REMOVED = 100
_OURS = re.compile(r"^\.incident-probe/[0-9a-f]{32}$")
BYTES = 64


@dataclass(frozen=True, kw_only=True)
class Trip:
    """How far it came: `stopped` is the verb that failed, and `standing` why; empty where all went well."""

    took_s: float
    stopped: str = ""
    standing: Standing = Standing.WELL
    code: str = ""
    removed: int = 0
    left: int = 0


class _Stopped(Exception):
    def __init__(self, verb: str, standing: Standing, code: str) -> None:
        super().__init__(verb)
        self.verb, self.standing, self.code = verb, standing, code


def round_trip(bucket: Bucket) -> Trip:
    """Put, get, compare, delete, and see that it is gone; then remove what earlier ones left.

    Raises:
        CannotLook: the store does not answer.
    """
    with bucket.speaking():
        # To make one takes longer than to ask.
        _ = bucket.client
    began = time.monotonic()
    try:
        _once(bucket)
    except _Stopped as error:
        return Trip(took_s=time.monotonic() - began, stopped=error.verb, standing=error.standing, code=error.code)
    took_s = time.monotonic() - began
    removed, left = _clear(bucket)
    return Trip(took_s=took_s, removed=removed, left=left)


def _once(bucket: Bucket) -> None:
    name, content = f"{FOLDER}{secrets.token_hex(16)}", secrets.token_bytes(BYTES)
    place = {"Bucket": bucket.name, "Key": bucket.key_of(name)}
    with _doing(bucket, "write"):
        put = bucket.client.put_object(**place, Body=content)
    # Where versions are kept, exactly this one is removed, and no mark of it stays.
    if put.get("VersionId"):
        place["VersionId"] = put["VersionId"]
    try:
        with _doing(bucket, "read"):
            there = bucket.client.get_object(**place)["Body"].read(BYTES + 1)
    except (_Stopped, CannotLook):
        # It is asked again and again, and each time another one would stay.
        with suppress(_Stopped, CannotLook), _doing(bucket, "remove"):
            bucket.client.delete_object(**place)
        raise
    with _doing(bucket, "remove"):
        bucket.client.delete_object(**place)
    if there != content:
        raise _Stopped("read", Standing.ODD, "another content")
    if bucket.head(name) is not None:
        raise _Stopped("remove", Standing.ODD, "it is still there")


@contextmanager
def _doing(bucket: Bucket, verb: str) -> Iterator[None]:
    try:
        with bucket.speaking():
            yield
    except StoreRefused as error:
        raise _Stopped(verb, standing_of(error.code, error.status), error.code) from None


def _clear(bucket: Bucket) -> tuple[int, int]:
    """Remove what is left of earlier ones: how many were removed, and how many could not be."""
    now, removed, left = datetime.now(UTC), 0, 0
    prefix = bucket.key_of("")
    try:
        with bucket.speaking():
            page = bucket.client.list_objects_v2(Bucket=bucket.name, Prefix=bucket.key_of(FOLDER), MaxKeys=MOST_REMOVED)
    except StoreRefused:
        # Whoever may not list cannot clear; the listing's own question tells it.
        return 0, 0
    for one in page.get("Contents", ()):
        name = str(one["Key"]).removeprefix(prefix)
        old = now - one["LastModified"].astimezone(UTC) > LEFT_AFTER
        if not old or not _OURS.match(name) or int(one["Size"]) != BYTES:
            continue
        try:
            _remove(bucket, name)
        except StoreRefused:
            left += 1
        else:
            removed += 1
    return removed, left


def _remove(bucket: Bucket, name: str) -> None:
    there = bucket.head(name)
    version = {"VersionId": there.version} if there and there.version else {}
    with bucket.speaking():
        bucket.client.delete_object(Bucket=bucket.name, Key=bucket.key_of(name), **version)
