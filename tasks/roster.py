"""The roster: who may decide what, and what proves that it is them."""

from __future__ import annotations

import base64
import enum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


class Role(enum.StrEnum):
    """What a person on the roster may be asked to decide."""

    ON_CALL = "on-call"
    SENIOR = "senior"
    DBA = "dba"
    MANAGER = "manager"
    SECURITY = "security"


def _base32(secret: SecretStr) -> SecretStr:
    """RFC 4226 asks for 128 bits at least; `incident approvers enrol` makes 160."""
    try:
        bits = 8 * len(base64.b32decode(secret.get_secret_value(), casefold=True))
    except ValueError:
        bits = 0
    if bits < 128:
        raise ValueError("is no secret for one-time codes (base32, 128 bits). `incident approvers enrol` makes one")
    return secret


def _long(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 32:
        raise ValueError("is too short to be a key: 32 characters at least. `openssl rand -hex 32` makes one")
    return secret


class Approver(BaseModel):
    """A person on the roster. A drill approver answers rehearsals by itself and is refused in production."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: frozenset[Role] = Field(min_length=1)
    contact: str = ""
    drill: bool = False
    # The secret of this person's one-time codes (`incident approvers enrol`). In production nobody approves without.
    totp: Annotated[SecretStr, AfterValidator(_base32)] | None = None
    # Signs this person's answers at the command line, instead of a code.
    key: Annotated[SecretStr, AfterValidator(_long)] | None = None
