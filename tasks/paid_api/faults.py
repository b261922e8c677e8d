"""How a drill tells a stand-in of a paid API to be ill (`drill_file`), and leaves it as it was."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tasks import drill_file, secret_file
from tasks.model import Json
from tasks.paid_api.api import PaidApi


@dataclass(frozen=True, kw_only=True)
class Told:
    """What it was told by which file, and the key that was in use then."""

    api: PaidApi
    file: Path
    key: SecretStr


def tell(api: PaidApi, **what: Json) -> Told:
    """Write it down for the stand-in.

    Raises:
        Refused: it has no file to be told by.
    """
    key = api.key_now()
    return Told(api=api, file=drill_file.tell(api.drill_file, api.said, what), key=key)


def revoke_key(api: PaidApi) -> Told:
    """Have it refuse the key in use; of the key it is told a mark only."""
    return tell(api, revoked=[hashlib.sha256(api.key_now().get_secret_value().encode()).hexdigest()])


def untell(told: Told) -> None:
    """Let it be well again, with the key that was in use before."""
    told.file.unlink(missing_ok=True)
    if told.api.key_file is not None and told.api.key_now() != told.key:
        secret_file.put(told.api.key_file, told.key, "key")
