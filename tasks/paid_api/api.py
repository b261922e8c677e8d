"""What doors to APIs that are paid by use share: the key and its file, one request that tells how we stand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, model_validator

from tasks import secret_file
from tasks.excerpt import excerpt
from tasks.kept import asked_once
from tasks.mail.addresses import LONGEST_ADDRESS, masked_in
from tasks.model import CannotLook, Finding, Json, Refused, Verdict
from tasks.paid_api.told import ILL, Knock, Standing, of_status
from tasks.spare_key import Tried
from tasks.status_page.system import StatusPage
from tasks.web.door import Door
from tasks.web.exchange import Key, Limits, Params, Place, Request, bearer
from tasks.web.reading import LONGEST_TEXT, text, words
from tasks.web.system import HostedApi

ANY_STATUS = range(100, 600)
# Of what is asked here the longest is a page of accounts.
LARGEST = 2_000_000
# A header would not take a longer one either.
LONGEST_KEY = 4096


class PaidApi(HostedApi):
    """A vendor's API with a key of ours. `status_url` is the vendor's status page; empty: it has none.

    Where an application reads its key from a file, `key_file` names that, and `spare_key` may take its place.
    """

    # How sentences call the vendor, and what a person does about a key that it refuses.
    said: ClassVar[str]
    about_keys: ClassVar[str]

    key: SecretStr | None = Field(default=None, max_length=LONGEST_KEY)
    key_file: Path | None = None
    spare_key: SecretStr | None = Field(default=None, max_length=LONGEST_KEY)
    status_url: str = ""
    # Read by a stand-in that can be told to be ill, as the lab's is. Never set it in production.
    drill_file: Path | None = None

    @model_validator(mode="after")
    def _possible(self) -> PaidApi:
        if self.key is not None and self.key_file is not None:
            raise ValueError("give `key` or `key_file`, not both")
        if self.key is None and self.key_file is None:
            raise ValueError("`key` is missing, or `key_file`")
        if self.spare_key is not None and self.key_file is None:
            raise ValueError("`spare_key` without `key_file`: say in which file the application finds its key")
        return self

    @abstractmethod
    def tried(self, key: SecretStr) -> Knock:
        """Ask something that costs nothing with this key, and tell what came back, a refusal too.

        Raises:
            Refused: the place itself is wrong: its certificate, its address.
        """

    def try_key(self, key: SecretStr) -> Tried:
        """The same in the words of a spare key.

        Raises:
            CannotLook: nothing came back.
        """
        knock = self.tried(key)
        if knock.standing is Standing.SILENT:
            raise CannotLook(knock.says)
        refused = knock.standing is Standing.REFUSED
        taken = not refused and knock.standing not in ILL | {Standing.HELD_BACK}
        return Tried(line=knock.line, status=knock.status, says=knock.says, taken=taken, refused=refused)

    def knock(self) -> Knock:
        """The same with the key in use; within a round of questions only once.

        Raises:
            Refused: the key cannot be read from its file, or the place itself is wrong.
        """
        return asked_once((self, "knock"), lambda: self.tried(self.key_now()))

    def key_now(self) -> SecretStr:
        """The key in use.

        Raises:
            Refused: it cannot be read from its file.
        """
        return secret_file.read(self.key_file, "key") if self.key_file is not None else self.key or SecretStr("")

    @property
    def status_page(self) -> StatusPage:
        """The vendor's own status page.

        Raises:
            Refused: none is known.
        """
        if not self.status_url:
            raise Refused(f"{self.said} has no status page that we know.", remedy='status_url = "https://…"')
        return StatusPage(url=self.status_url, timeout_s=min(self.timeout_s, 30), tls=self.tls)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            knock = self.knock()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        if knock.standing in ILL:
            yield Finding.unknown(f"{knock.said(self.said)}.")
            return
        well = knock.standing is Standing.TAKEN
        says = f"{self.said} takes our key." if well else f"{self.said} {knock.standing}: {knock.said('it')}."
        yield Finding(verdict=Verdict.OK if well else Verdict.BAD, says=says, remedy="" if well else self.about_keys)

    def signed(self, key: SecretStr) -> Key:
        """The key in the header where the vendor looks for it."""
        return bearer(key)

    def standing(self, status: int, body: Json) -> Standing:  # noqa: ARG002 - others look into the body
        """What this answer says of how we stand; a vendor with words of its own overrides it."""
        return of_status(status)

    @abstractmethod
    def words(self, body: Json) -> str:
        """The vendor's own words in a refusal, not cut yet; empty where it has none."""

    def at(self, key: SecretStr) -> Place:
        """Where the API is, with this key."""
        return self.place(key=self.signed(key), limits=Limits(total_s=self.timeout_s, most_bytes=LARGEST))

    def quoted(self, body: Json) -> str:
        """The vendor's own words in a refusal, as they may be shown; empty where it has none."""
        return _without(self.words(body), self.at(self.key_now()))

    def shown(self, value: Json, longest: int) -> str:
        """What it told beside a refusal, a name or an id, as it may be shown."""
        return text(self.at(self.key_now()).hidden_in(words(value)), longest)

    def asked(
        self,
        key: SecretStr,
        path: str,
        *,
        params: Params | None = None,
        json: Json = None,
    ) -> Knock:
        """Ask once more, whatever was answered before, by POST if there is `json`.

        Raises:
            Refused: the place itself is wrong.
        """
        method = "GET" if json is None else "POST"
        line, place = f"{method} {path}", self.at(key)
        door = Door(place=place, words=lambda _status, _body: None, name=self.said)
        request = Request(
            url=place.base + path, method=method, params=params or {}, json=json, reads=True, fresh=True,
            taken=ANY_STATUS,
        )  # fmt: skip
        try:
            answer = door.answer(request, door.until())
        except Refused:
            raise
        except CannotLook as error:
            return Knock(line=line, standing=Standing.SILENT, says=_without(error.says, place))
        body = answer.body
        standing = self.standing(answer.status, body)
        if isinstance(body, str) and standing is Standing.TAKEN:
            standing = Standing.NO_API
        says = body if isinstance(body, str) else self.words(body)
        return Knock(
            line=line,
            standing=standing,
            status=answer.status,
            says="" if standing is Standing.TAKEN else _without(says, place),
            took_s=answer.took_s,
            asks_to_wait_s=answer.asks_to_wait_s,
            body=body,
            headers=answer.headers,
        )


def _without(says: str, place: Place) -> str:
    """A vendor's words as they may be shown: without secrets first, then cut: else half a one could be left."""
    # Of what an excerpt looks at, an address may stand across the end.
    says = place.hidden_in(says)[: 4 * LONGEST_TEXT + LONGEST_ADDRESS]
    return excerpt(masked_in(says), LONGEST_TEXT)
