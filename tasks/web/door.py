"""The door to hosted APIs. README.md beside it shows how a vendor's folder uses it."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import httpx

from tasks.kept import kept_or
from tasks.model import CannotLook, Json, Refused
from tasks.web.exchange import Answer, Params, Place, Request
from tasks.web.refusals import is_undecided, no_answer, of_status
from tasks.web.visit import Visit, refuse_elsewhere

# From a status and its parsed body: what is wrong and what helps; None where the vendor has no words of its own.
# A 2xx is shown to it, too: Slack says no with 200.
Words = Callable[[int, Json], CannotLook | None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Door:
    """One vendor's API: a place, and how the vendor's refusals are said.

    `name` is used in sentences instead of the host; `unreachable` is the remedy when nobody answers there;
    `idempotency_header` is where the vendor looks for an idempotency key, if it does.
    """

    place: Place
    words: Words
    name: str = ""
    unreachable: str = ""
    idempotency_header: str | None = None

    def get(self, path: str = "", *, params: Params | None = None, taken: Collection[int] = ()) -> Answer:
        """Ask; within a question the same only once.

        Raises:
            CannotLook, Refused: no answer, or one that says no. Statuses in `taken` are no such.
        """
        return self.answer(Request(url=self.place.base + path, params=params or {}, taken=taken), self.until())

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Json = None,
        form: Params | None = None,
        idempotency_key: str | None = None,
        reads: bool = False,
        taken: Collection[int] = (),
    ) -> Answer:
        """Change something, or, with `reads`, ask by another method than GET.

        It is tried again only where a second time does nothing more: by its method, or the vendor knows it by its key.

        Raises:
            CannotLook, Refused: no answer, or one that says no. Statuses in `taken` are no such.
            ValueError: an idempotency key for a vendor that knows none.
        """
        headers = {}
        if idempotency_key is not None:
            if self.idempotency_header is None:
                raise ValueError(f"{self.said} takes no idempotency key; leave it out, or give `idempotency_header`.")
            headers = {self.idempotency_header: idempotency_key}
        request = Request(
            method=method, url=self.place.base + path, params=params or {}, json=json, form=form,
            headers=headers, known=bool(headers), reads=reads, taken=taken,
        )  # fmt: skip
        return self.answer(request, self.until())

    def answer(self, request: Request, until: float) -> Answer:
        """What comes back to `request` by `until`, of time.monotonic(): one total can hold for several requests.

        Raises:
            CannotLook, Refused: no answer, or one that says no.
        """
        try:
            refuse_elsewhere(self.place, httpx.URL(request.url))
            with kept_or(self.place, lambda: Visit(self.place)) as visit:
                answer = visit.answer(request, until)
        except httpx.HTTPError as error:
            _log.info("%s: %s", self.said, self.place.hidden_in(str(error)))
            late = time.monotonic() >= until
            told = no_answer(error, self.said, self.place.limits, late=late, remedy=self.unreachable)
            raise self._complete(told, is_undecided(request, error)) from None
        except httpx.InvalidURL:
            raise Refused(f"{self.said} was to be asked at an address that is none.", remedy="Correct `url`.") from None
        told_no = self._refusal(answer, request)
        if told_no is not None:
            raise self._complete(told_no, is_undecided(request, answer), answer.asks_to_wait_s)
        return answer

    def until(self) -> float:
        """When the total that begins now is over, of time.monotonic()."""
        return time.monotonic() + self.place.limits.total_s

    @property
    def said(self) -> str:
        """How sentences call it."""
        return self.name or self.place.name

    def _refusal(self, answer: Answer, request: Request) -> CannotLook | None:
        if answer.status in request.taken:
            return None
        own = self.words(answer.status, answer.body)
        return own if own is not None or answer.is_success else of_status(answer.status, self.said)

    def _complete(self, told: CannotLook, undecided: bool, wait_s: float | None = None) -> CannotLook:
        """`told` with what the vendor's words cannot know, and without the secret; a copy: words may lie in a table."""
        doubt = " It may have been done all the same: look before it is done again." if undecided else ""
        wait = f"It wants to be asked again in {wait_s:.0f} s, not before." if wait_s else ""
        complete = copy.copy(told)
        complete.says = self.place.hidden_in(told.says + doubt)
        complete.remedy = self.place.hidden_in(told.remedy or wait)
        complete.args = (complete.says,)
        return complete
