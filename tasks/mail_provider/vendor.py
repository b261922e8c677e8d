"""What every vendor's file answers. What the vendor has not stays as it is here: not offered, in a sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, NoReturn

from pydantic import SecretStr

from tasks.mail_provider.reading import shown
from tasks.mail_provider.told import (
    Allowance,
    Cause,
    Failures,
    Knock,
    NotOffered,
    Queue,
    Sending,
    SendingDomain,
    Standing,
    Suppressed,
    Suppressions,
    Switch,
    Volume,
)
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import Answer, Key, Params, Place, Request
from tasks.web.reading import text

# Mailgun takes a thousand at once; a person looks through far fewer.
MOST_AT_ONCE = 100
ANY_STATUS = range(100, 600)


@dataclass(frozen=True, kw_only=True)
class Account:
    """Whose account is asked, as it is configured; `place` without a key, which each vendor sends in its own way.

    `part` is the subaccount or subuser that sends, where there is one; `access_key` and `region` are Amazon's.
    """

    place: Place
    key: SecretStr
    domain: str
    part: str = ""
    region: str = ""
    access_key: SecretStr | None = None


class Vendor(ABC):
    """A vendor's API, in our words. Every method may raise CannotLook or Refused; NotOffered is one of the latter."""

    name: ClassVar[str]
    # What `suppress` makes of an address there, and on which list: only that is ours to take away again.
    puts: ClassVar[tuple[Cause, str]]

    def __init__(self, account: Account) -> None:
        self.account = account

    @abstractmethod
    def knock(self) -> Knock:
        """Ask something cheap that takes a key, and tell what came back, a refusal too.

        Raises:
            CannotLook: nothing came back.
        """

    @abstractmethod
    def volume(self, since: datetime) -> Volume:
        """How many mails since then, and what became of them."""

    @abstractmethod
    def domain(self) -> SendingDomain:
        """Our domain, and the records that belong to it."""

    @abstractmethod
    def standing(self) -> Standing:
        """May we send?"""

    @abstractmethod
    def suppressions(self, most: int) -> Suppressions:
        """Up to `most` suppressed addresses, and a page more where they come in pages."""

    @abstractmethod
    def is_suppressed(self, address: str) -> bool:
        """Is it on a list, for whatever reason?"""

    @abstractmethod
    def suppress(self, addresses: Sequence[str]) -> None:
        """Put them on the list, at most MOST_AT_ONCE."""

    @abstractmethod
    def release(self, one: Suppressed) -> None:
        """Take one address from the list it is on; that it is gone already is no error."""

    @abstractmethod
    def suppress_line(self, shown: str) -> str:
        """The request that suppresses, as an operator would type it, of an address as it may be shown."""

    @abstractmethod
    def release_line(self, one: Suppressed, shown: str) -> str:
        """The same for taking it from the list."""

    def failures(self, since: datetime) -> Failures:  # noqa: ARG002
        """The newest mails that came back since then, and why."""
        self.not_offered("tell why mails came back", "Keep its webhooks or notifications in a table of your own.")

    def queue(self) -> Queue:
        """Its own queue."""
        self.not_offered("tell how its queue is")

    def allowances(self) -> tuple[Allowance, ...]:
        """What may still be done; empty where it is not told in advance."""
        return ()

    def switch(self) -> Switch:
        """How sending is paused there."""
        self.not_offered("offer a pause of all sending", "Pause your own sender.")

    def is_paused(self) -> bool:
        """Is what `switch` says held up, by whomever?"""
        return self.standing().sending is Sending.PAUSED

    def pause(self) -> None:
        """Hold up what `switch` says."""
        self.not_offered("offer a pause of all sending", "Pause your own sender.")

    def resume(self) -> None:
        """Let go of it."""
        self.not_offered("offer a pause of all sending", "Resume your own sender.")

    def not_offered(self, what: str, remedy: str = "") -> NoReturn:
        """
        Raises:
            NotOffered: always.
        """
        raise NotOffered(f"{self.name} does not {what}.", remedy=remedy)


class HttpVendor(Vendor):
    """One whose API is asked through the house's web door."""

    @property
    @abstractmethod
    def key(self) -> Key:
        """The secret, in the header where the vendor looks for it."""

    @abstractmethod
    def said(self, body: Json) -> str:
        """The vendor's own words in a refusal; empty where it has none."""

    def is_restricted(self, status: int, body: Json) -> bool:  # noqa: ARG002
        """Does this refusal say that the key is good, though only for sending?"""
        return False

    @property
    def door(self) -> Door:
        return Door(place=replace(self.account.place, key=self.key), words=self._words, name=self.name)

    def get(self, path: str, params: Params | None = None, taken: Sequence[int] = ()) -> Answer:
        return self.door.get(path, params=params, taken=taken)

    def knock_at(self, path: str, params: Params | None = None) -> Knock:
        """Ask once more, whatever was answered before: it is the answering that is asked about."""
        door = self.door
        request = Request(url=door.place.base + path, params=params or {}, taken=ANY_STATUS, fresh=True)
        answer = door.answer(request, door.until())
        is_json = not isinstance(answer.body, str)
        says = self.said(answer.body) if is_json else text(answer.body)
        return Knock(
            line=f"GET {path}",
            status=answer.status,
            says=door.place.hidden_in(shown(says)),
            took_s=answer.took_s,
            is_json=is_json,
            asks_to_wait_s=answer.asks_to_wait_s,
            restricted=self.is_restricted(answer.status, answer.body),
        )

    def headers_told(self, headers: Mapping[str, str], limit: str, left: str) -> tuple[float, float] | None:
        """Limit and rest as two headers tell them."""
        try:
            told = float(headers[limit]), float(headers[left])
        except (KeyError, ValueError):
            return None
        return told if 0 <= told[1] <= told[0] < 2**53 else None

    def _words(self, status: int, body: Json) -> CannotLook | None:
        if status < 400:
            return None
        says = shown(text(self.said(body)))
        quoted = f": “{says}”" if says else ""
        if status in (401, 403):
            return Refused(
                f"{self.name} refuses this key ({status}{quoted}).",
                remedy="Look whether the key was revoked or lacks a right, and whether it is of this region.",
            )
        if status == 404:
            return Refused(
                f"{self.name} does not know what was asked for (404{quoted}).",
                remedy="Look at `domain` and `subaccount`, and whether they are of this region.",
            )
        if status == 429:
            return CannotLook(f"{self.name} answers 429: it was asked too often{quoted}.")
        return CannotLook(f"{self.name} answers {status}{quoted}.") if status >= 500 else None
