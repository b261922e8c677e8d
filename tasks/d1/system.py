"""The door to a D1 database at Cloudflare: SQLite, asked over HTTPS; its way back in time, and its export.

cloudflare/cloudflare-typescript@faaaf89e (Apache-2.0): a query answers with `results` and `meta`; an export is asked
for again and again until it is complete, and lies at a signed address of another host then.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, urlsplit

from pydantic import Field

from tasks.cloudflare.api import CloudflareApi
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import Limits, Place, Request
from tasks.web.reading import listed, not_as_documented, number, rows, table, text, words
from tasks.website.system import origin

# An export that is larger is not taken through here: it is held in memory.
LARGEST_EXPORT = 500_000_000
EXPORT_WITHIN_S = 600.0
POLL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a query found; `took_s` and `size` in bytes as Cloudflare tells them, None where it does not."""

    rows: Sequence[Mapping[str, Json]]
    took_s: float | None
    size: float | None


class D1(CloudflareApi):
    """A D1 database, by its id."""

    kind: ClassVar[str] = "d1"
    config_lines: ClassVar[str] = (
        'token = "${CLOUDFLARE_TOKEN}"            # with a right on D1\n'
        'account = "0123456789abcdef0123456789abcdef"\n'
        'database = "01234567-89ab-cdef-0123-456789abcdef"   # its id'
    )

    database: str = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
    # Where proven backups are kept, a file a day.
    backups: Path | None = None

    def shelf(self) -> Path:
        """Where backups are kept.

        Raises:
            Refused: none is named, or there is no such folder.
        """
        if self.backups is None:
            raise Refused("No folder is named for backups of the D1 database.", remedy='backups = "/var/backups/d1"')
        if not self.backups.is_dir():
            raise Refused(f"{self.backups}: no such folder.", remedy="Make it, for the worker's user alone.")
        return self.backups

    def query(self, sql: str) -> Answered:
        """What a SELECT answers.

        Raises:
            CannotLook, Refused: it does not answer.
        """
        told = rows(self.posted(f"{self._path}/query", {"sql": sql}, reads=True))
        if len(told) != 1 or told[0].get("success") is not True:
            raise not_as_documented(self.said, "a query of D1 has no single result")
        meta = table(told[0].get("meta"))
        took_ms = number(meta.get("duration"))
        return Answered(
            rows=listed(told[0].get("results"), self.said, "the rows of D1"),
            took_s=took_ms / 1000 if took_ms is not None else None,
            size=number(meta.get("size_after")),
        )

    def bookmark(self, at: datetime | None = None) -> str:
        """The mark by which the database can be returned to how it was at that moment; None: as it is now.

        Raises:
            CannotLook, Refused: it does not tell: such a moment may lie too far back.
        """
        params = {"timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ")} if at is not None else {}
        found = text(table(self.result(f"{self._path}/time_travel/bookmark", params)).get("bookmark"), 200)
        if not found:
            raise not_as_documented(self.said, "there is no bookmark in the answer")
        return found

    def export(self) -> bytes:
        """The whole database as SQL. It answers nobody else while that is made.

        Raises:
            CannotLook, Refused: it was not complete in time, it failed, or it is too large.
        """
        asked: dict[str, Json] = {"output_format": "polling"}
        until = time.monotonic() + EXPORT_WITHIN_S
        while time.monotonic() < until:
            told = table(self.posted(f"{self._path}/export", asked))
            if told.get("status") == "complete":
                return self._fetched(words(table(told.get("result")).get("signed_url")), until)
            if told.get("status") == "error" or told.get("success") is not True:
                said = told.get("messages")
                quoted = text(said[0]) if isinstance(said, list) and said else text(told.get("error"))
                raise CannotLook(f"Cloudflare could not export the database: “{quoted}”.")
            asked["current_bookmark"] = text(told.get("at_bookmark"), 200)
            time.sleep(POLL_S)
        raise CannotLook(f"Cloudflare did not export the database within {EXPORT_WITHIN_S:g} s.")

    @property
    def _path(self) -> str:
        return f"/d1/database/{quote(self.database, safe='')}"

    def _fetched(self, url: str, until: float) -> bytes:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise not_as_documented(self.said, "the export is complete and lies nowhere")
        # Signed: our token is none of that host's business.
        limits = Limits(total_s=EXPORT_WITHIN_S, most_bytes=LARGEST_EXPORT)
        door = Door(
            place=Place(base=origin(url), limits=limits, tls=self.tls), words=lambda *_: None, name="The export"
        )
        return door.answer(Request(url=url), until).content
