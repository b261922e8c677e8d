"""The door to Supabase's Management API: how a project, its services, its backups and its disk are.

supabase/cli@1d1e7191, packages/api/src/generated/openapi.json (MIT). There is no restart of a project in it, and no
answer's `connection_string` is ever read: it may hold a password.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Json, Refused
from tasks.platform.hosted import HostedApiWithToken
from tasks.web.door import Door
from tasks.web.exchange import Params, bearer
from tasks.web.reading import listed, moment, not_as_documented, number, table, text
from tasks.web.system import http_url

SERVICES = ("auth", "db", "pooler", "realtime", "rest", "storage")
COMPLETED = "COMPLETED"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service of the project; `status` in Supabase's words: COMING_UP, ACTIVE_HEALTHY, UNHEALTHY."""

    name: str
    status: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup that Supabase made, or tried to; nobody has restored it."""

    status: str
    at: datetime
    physical: bool


@dataclass(frozen=True, kw_only=True)
class Backups:
    """`earliest` and `latest`: between which any moment can be returned to, where point-in-time recovery is on."""

    pitr: bool
    made: Sequence[Backup]
    earliest: datetime | None
    latest: datetime | None


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pooler of the project; counts of connections, None where Supabase leaves its default."""

    database: str
    mode: str
    size: float | None
    most_clients: float | None


class Supabase(HostedApiWithToken):
    """A project at Supabase, by its reference: the twenty letters in its addresses."""

    kind: ClassVar[str] = "supabase"
    config_lines: ClassVar[str] = (
        'token = "${SUPABASE_TOKEN}"              # Supabase: Account, Access tokens; or one with the rights to read\n'
        'project = "abcdefghijklmnopqrst"         # its reference'
    )
    said: ClassVar[str] = "Supabase"
    about_tokens: ClassVar[str] = (
        "Look at supabase.com/dashboard/account/tokens: has it ended, or is its owner no member of the project's "
        "organization any more?"
    )

    url: Annotated[str, AfterValidator(http_url("the API's address, like https://api.supabase.com"))] = (
        "https://api.supabase.com"
    )
    status_url: str = "https://status.supabase.com"
    project: str = Field(pattern=r"^[a-z]{20}$")
    services: tuple[str, ...] = Field(default=SERVICES, min_length=1)

    def known_as(self) -> str:
        return f"Supabase shows us {text(self._asked('').get('name'), 100) or self.project}."

    def status(self) -> str:
        """The project's state in Supabase's word: ACTIVE_HEALTHY, INACTIVE, RESTORING and others.

        Raises:
            CannotLook, Refused: it does not tell. So with all that follow.
        """
        return text(self._asked("").get("status"), 40)

    def health(self) -> list[Service]:
        """Each of the services that are asked for."""
        told = listed(self._get("/health", {"services": list(self.services)}), self.said, "the services")
        return [
            Service(name=text(one.get("name"), 40), status=text(one.get("status"), 40), error=text(one.get("error")))
            for one in told
        ]

    def pools(self) -> list[Pool]:
        """The shared poolers before the database."""
        told = listed(self._get("/config/database/pooler"), self.said, "the poolers")
        return [
            Pool(
                database=text(one.get("database_type"), 40),
                mode=text(one.get("pool_mode"), 40),
                size=number(one.get("default_pool_size")),
                most_clients=number(one.get("max_client_conn")),
            )
            for one in told
        ]

    def backups(self) -> Backups:
        """What there is to return to, newest first."""
        body = self._asked("/database/backups")
        span = table(body.get("physical_backup_data"))
        made = [
            Backup(status=text(one.get("status"), 40), at=at, physical=one.get("is_physical_backup") is True)
            for one in listed(body.get("backups"), self.said, "the backups")
            if (at := _at(one.get("inserted_at"))) is not None
        ]
        return Backups(
            pitr=body.get("pitr_enabled") is True,
            made=sorted(made, key=lambda one: one.at, reverse=True),
            earliest=moment(number(span.get("earliest_physical_backup_date_unix"))),
            latest=moment(number(span.get("latest_physical_backup_date_unix"))),
        )

    def disk(self) -> tuple[float, float]:
        """Bytes used of the database's disk, and its size."""
        metrics = table(self._asked("/config/disk/util").get("metrics"))
        used, size = number(metrics.get("fs_used_bytes")), number(metrics.get("fs_size_bytes"))
        if used is None or not size:
            raise not_as_documented(self.said, "the disk has no size")
        return used, size

    def read_only(self) -> tuple[bool, bool]:
        """Is the database set to read only, and is that lifted for a while?"""
        told = self._asked("/readonly")
        if not isinstance(told.get("enabled"), bool):
            raise not_as_documented(self.said, "it does not say whether the database is read only")
        return told.get("enabled") is True, told.get("override_enabled") is True

    def _asked(self, path: str) -> Mapping[str, Json]:
        return table(self._get(path))

    def _get(self, path: str, params: Params | None = None) -> Json:
        return self._door.get(f"/v1/projects/{self.project}{path}", params=params).body

    @property
    def _door(self) -> Door:
        return Door(place=self.place(bearer(self.token)), words=self._words, name=self.said)

    def _words(self, status: int, body: Json) -> CannotLook | None:
        said = excerpt(text(table(body).get("message")), 200)
        quoted = f": “{said}”" if said else ""
        if status in (401, 403):
            return Refused(f"Supabase refuses us ({status}){quoted}.", remedy=self.about_tokens)
        if status == 404:
            return Refused(
                f"Supabase knows no such project, or not for this token (404){quoted}.",
                remedy="Write `project` as it stands in the dashboard's address: twenty letters.",
            )
        return None


def _at(value: Json) -> datetime | None:
    """A moment as it is written there; without a zone it is UTC, as all moments of Supabase's."""
    if not isinstance(value, str):
        return None
    return moment(value) or moment(f"{value[:40]}+00:00")
