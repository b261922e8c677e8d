"""Uploads in parts that were begun and never finished: no listing shows them, and every month they are paid for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.bucket.system import MISSING, Bucket, StoreRefused
from tasks.excerpt import excerpt
from tasks.model import Row

MOST = 1000
# Of so many it is counted what they take: a request each.
WEIGHED = 20
KEY_CHARACTERS = 200
GONE = (*MISSING, "NoSuchUpload")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One of them, by its id. `key` is the store's own, with the url's prefix."""

    key: str
    upload_id: str
    begun: datetime

    @property
    def age_s(self) -> float:
        return max(0.0, (datetime.now(UTC) - self.begun).total_seconds())

    @property
    def row(self) -> Row:
        return {"key": excerpt(self.key, KEY_CHARACTERS), "begun": self.begun.isoformat(), "age_s": round(self.age_s)}


def unfinished(bucket: Bucket) -> list[Upload]:
    """Those under the url's prefix, the oldest first; a thousand at most.

    Raises:
        CannotLook, Refused: the store does not tell.
    """
    with bucket.speaking():
        told = bucket.client.list_multipart_uploads(Bucket=bucket.name, Prefix=bucket.key_of(""), MaxUploads=MOST)
    prefix = bucket.key_of("")
    found = [
        Upload(
            key=str(one["Key"]),
            upload_id=str(one["UploadId"]),
            begun=one["Initiated"].astimezone(UTC).replace(microsecond=0),
        )
        for one in told.get("Uploads", ())
        # Not every store heeds the prefix.
        if str(one["Key"]).startswith(prefix)
    ]
    return sorted(found, key=lambda one: one.begun)


def taken_by(bucket: Bucket, upload: Upload) -> float | None:
    """Bytes that its parts take, by the first thousand of them; None: it is gone.

    Raises:
        CannotLook, Refused: the store does not tell.
    """
    try:
        with bucket.speaking():
            told = bucket.client.list_parts(Bucket=bucket.name, Key=upload.key, UploadId=upload.upload_id)
    except StoreRefused as error:
        if error.code in GONE:
            return None
        raise
    return float(sum(int(part["Size"]) for part in told.get("Parts", ())))


def ended(bucket: Bucket, upload: Upload) -> bool:
    """End it, and give back what its parts took; False: it was finished or ended meanwhile.

    Raises:
        CannotLook, Refused: the store does not do it.
    """
    try:
        with bucket.speaking():
            bucket.client.abort_multipart_upload(Bucket=bucket.name, Key=upload.key, UploadId=upload.upload_id)
    except StoreRefused as error:
        if error.code in GONE:
            return False
        raise
    return True
