"""The door to Unipile, through which an application speaks on LinkedIn, WhatsApp and in mailboxes of its users.

Version 1: unipile/unipile-node-sdk@b8b7e4e8 (MIT), its paths and the status of sources; version 2:
unipile/unipile-python@61711918, where an account has one status. The types of error: its documents, from memory, so the
status decides where a type is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, SecretStr

from tasks.kept import asked_once
from tasks.model import CannotLook, Json, Refused
from tasks.paid_api.api import PaidApi
from tasks.paid_api.told import Knock, Standing, of_status
from tasks.web.door import Door
from tasks.web.exchange import Answer, Key, named
from tasks.web.pages import Next, by_cursor, pages
from tasks.web.reading import listed, not_as_documented, rows, table, text, words
from tasks.web.system import http_url

PATHS = {1: "/api/v1/accounts", 2: "/v2/accounts/"}
LINK = "/api/v1/hosted/accounts/link"
# Unipile wants milliseconds, and no offset but Z.
EXPIRES = "%Y-%m-%dT%H:%M:%S.000Z"
LONGEST_LINK = 2048
# The most that a page holds.
A_PAGE = 100
# By the last part of a type of error, where that says more than its status.
TYPES = {
    "missing_credentials": Standing.REFUSED,
    "invalid_credentials": Standing.REFUSED,
    "expired_credentials": Standing.REFUSED,
    "insufficient_permissions": Standing.REFUSED,
    "limit_exceeded": Standing.HELD_BACK,
    "too_many_requests": Standing.HELD_BACK,
}
# What a source, or an account of version 2, may be; anything else is none of these, and never health.
WELL = frozenset({"OK", "RUNNING"})
BEGINNING = frozenset({"CONNECTING"})
LOST = {
    "CREDENTIALS": "its user has to connect it again",
    "DISCONNECTED": "its user has to connect it again",
    "PERMISSIONS": "its user has taken a right away",
    "ERROR": "Unipile cannot reach it",
    "STOPPED": "it was stopped",
    "PAUSED": "it was stopped",
}
# Those that their user mends, by connecting again.
RECONNECTED = frozenset({"CREDENTIALS", "DISCONNECTED", "PERMISSIONS"})


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of a user. Its name is a person's, and is not kept. `status`: the worst of its sources."""

    id: str
    type: str
    status: str

    @property
    def well(self) -> bool:
        return self.status in WELL

    @property
    def means(self) -> str:
        return LOST.get(self.status, "nobody has told us what that means")


class Unipile(PaidApi):
    """Unipile's API, as the application uses it. Version 1 has an address of each customer's own."""

    kind: ClassVar[str] = "unipile"
    config_lines: ClassVar[str] = (
        'url = "https://api1.unipile.com:13111"  # the DSN that Unipile gave you\nkey = "${UNIPILE_KEY}"'
    )
    said: ClassVar[str] = "Unipile"
    about_keys: ClassVar[str] = (
        "Look in Unipile's dashboard under Access Tokens: was the token revoked, or has it ended?"
    )

    url: Annotated[str, AfterValidator(http_url("Unipile's DSN, like https://api1.unipile.com:13111"))]
    status_url: str = "https://status.unipile.com"
    version: Literal[1, 2] = 1
    # Where links are put by which users connect their accounts again.
    links_file: Path | None = None

    def tried(self, key: SecretStr) -> Knock:
        return self.asked(key, PATHS[self.version], params={"limit": 1})

    def accounts(self) -> tuple[Account, ...]:
        """Every account, with the status of its worst source; within a round of questions asked for once.

        Raises:
            CannotLook, Refused: no answer, or one that says no.
        """
        return asked_once((self, "accounts"), lambda: tuple(self._accounts()))

    def reconnect_link(self, account: str, until: datetime) -> SecretStr:
        """A link by which its user connects `account` again, in their own browser. Whoever has it can use it.

        Raises:
            CannotLook, Refused: none is given; of version 2 none is asked for.
        """
        if self.version != 1:
            raise Refused("Links to connect again are asked for in version 1 only.", remedy="Use Unipile's dashboard.")
        door = Door(place=self.at(self.key_now()), words=self._no, name=self.said)
        asked = {"type": "reconnect", "reconnect_account": account, "providers": "*"}
        told = {"api_url": door.place.base, "expiresOn": until.astimezone(UTC).strftime(EXPIRES)}
        link = words(table(door.send("POST", LINK, json={**asked, **told}).body).get("url"))
        if urlsplit(link).scheme != "https" or not link.isprintable() or len(link) > LONGEST_LINK:
            raise not_as_documented(self.said, "it gives no link")
        return SecretStr(link)

    def signed(self, key: SecretStr) -> Key:
        return named("X-API-KEY", key)

    def standing(self, status: int, body: Json) -> Standing:
        thrower, _, kind = text(table(body).get("type")).rpartition("/")
        # Of one account, and not of our key. Version 2 calls what LinkedIn itself says `provider/…`.
        if status in (401, 403) and (kind == "disconnected_account" or thrower == "provider"):
            return Standing.OBJECTS
        return TYPES.get(kind, of_status(status)) if status >= 400 else of_status(status)

    def words(self, body: Json) -> str:
        told = table(body)
        said = (words(told.get(name)) for name in ("title", "detail"))
        return ": ".join(dict.fromkeys(one for one in said if one))

    def _accounts(self) -> Iterator[Account]:
        door = Door(place=self.at(self.key_now()), words=self._no, name=self.said)
        following: Next = by_cursor("cursor", "cursor") if self.version == 1 else _by_offset
        for page in pages(door, PATHS[self.version], following, params={"limit": A_PAGE}):
            for one in listed(table(page.body).get("items"), self.said, "the accounts"):
                kind = self.shown(one.get("type") or one.get("provider"), 32).upper()
                yield Account(id=self.shown(one.get("id"), 64), type=kind, status=self.shown(_status(one), 32))

    def _no(self, status: int, body: Json) -> CannotLook | None:
        how = self.standing(status, body)
        if how is Standing.TAKEN:
            return None
        told = self.quoted(body)
        says = f"{self.said} {how} ({status}" + (f": “{told}”)." if told else ").")
        return Refused(says, self.about_keys) if how is Standing.REFUSED else CannotLook(says)


def _status(told: Mapping[str, Json]) -> str:
    """The worst of its sources; of version 2 its own."""
    found = [words(source.get("status")).upper() for source in rows(told.get("sources"))]
    if not found:
        return words(told.get("status")).upper()
    # Lost before what is beginning, that before what is well: one source that is lost is what its user misses.
    return max(found, key=lambda one: (one not in WELL | BEGINNING, one not in WELL))


def _by_offset(page: Answer) -> dict[str, int] | None:
    """Version 2 gives no cursor for accounts: a full page may have another behind it."""
    if len(rows(table(page.body).get("items"))) < A_PAGE:
        return None
    begun = parse_qs(urlsplit(page.url).query).get("offset", ["0"])[0]
    return {"offset": int(begun) + A_PAGE} if begun.isdecimal() else None
