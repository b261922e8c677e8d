"""Ways to make the object storage ill: a key that it knows no more, where a stand-in can be told so; an upload that
nobody finishes."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tasks import drill_file, secret_file
from tasks.fault import Fault
from tasks.model import CannotLook
from tasks.spare_key import NOUN
from tasks.storage.probe import FOLDER
from tasks.storage.system import Storage
from tasks.storage.uploads import Upload, ended, unfinished

PART_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """By which file the stand-in was told, and the pair that was in use then."""

    storage: Storage
    file: Path
    key: SecretStr


class RevokeStorageKey(Fault):
    """Let the object storage know the application's key no more."""

    def cause(self, storage: Storage) -> Revoked:
        key = storage.key_now()
        mark = hashlib.sha256(key.get_secret_value().encode()).hexdigest()
        return Revoked(
            storage=storage, file=drill_file.tell(storage.drill_file, storage.said, {"revoked": [mark]}), key=key
        )

    def cure(self, trouble: Revoked) -> None:
        trouble.file.unlink(missing_ok=True)
        if trouble.storage.key_file is not None and trouble.storage.key_now() != trouble.key:
            secret_file.put(trouble.storage.key_file, trouble.key, NOUN)


class LeaveUploadUnfinished(Fault):
    """Begin an upload in parts, send one of them, and never finish it."""

    def cause(self, storage: Storage) -> tuple[Storage, str]:
        bucket = storage.opened()
        place = {"Bucket": bucket.name, "Key": bucket.key_of(f"{FOLDER}unfinished")}
        with bucket.speaking():
            number = str(bucket.client.create_multipart_upload(**place)["UploadId"])
            bucket.client.upload_part(**place, UploadId=number, PartNumber=1, Body=bytes(PART_BYTES))
        return storage, number

    def cure(self, trouble: tuple[Storage, str]) -> None:
        storage, number = trouble
        bucket = storage.opened()
        mine: list[Upload] = []
        with contextlib.suppress(CannotLook):
            mine = [one for one in unfinished(bucket) if one.upload_id == number]
        for one in mine:
            ended(bucket, one)
