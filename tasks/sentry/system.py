"""The door to Sentry's issues. https://docs.sentry.io/api/events/update-an-issue/

Comments are in Sentry's own pages and not in its published schema (GroupNotesEndpoint in its source): whoever hosts
another version may not have them, so what the schema holds is done first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, SecretStr

from tasks.alerting import AlertingApi, Said
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import bearer
from tasks.web.pages import by_link, pages
from tasks.web.system import http_url


@dataclasses.dataclass(frozen=True, kw_only=True)
class Monitor:
    """A schedule that checks in there; `status` as Sentry says it: ok, error, missed_checkin, timeout, disabled."""

    name: str
    environment: str
    status: str
    muted: bool


# Within an hour Sentry takes the same comment of the same person once.
POSTED_BEFORE = "You have already posted that comment."
RESETS = ("x-sentry-rate-limit-reset",)


class SentryApi(AlertingApi):
    """An organization at Sentry. The token needs `event:write`; `assign_to` is `team:ID`, `user:ID`, a name or mail."""

    kind: ClassVar[str] = "sentry"
    config_lines: ClassVar[str] = (
        'token = "${SENTRY_TOKEN}"        # of the organization, with the scopes event:read, event:write and org:read\n'
        'organization = "acme"'
    )
    quietens: ClassVar[bool] = False
    hears_of_any_end: ClassVar[bool] = True

    url: Annotated[str, AfterValidator(http_url("Sentry's address, like https://de.sentry.io"))] = "https://sentry.io"
    token: SecretStr
    organization: str
    assign_to: str = ""
    # Without it an issue stays open until a person closes it.
    resolve: bool = True

    def known_as(self) -> str:
        # One issue is what event:read is for, and more than that nobody needs here.
        self._door.get(f"{self._organization}issues/", params={"limit": 1, "query": ""})
        return f"Sentry shows us the issues of {self.organization}."

    def monitors(self) -> list[Monitor]:
        """The schedules that check in there, by their environments; a few hundred are many.

        Raises:
            CannotLook, Refused: it does not tell. The token needs the scope org:read or alerts:read.
        """
        found: list[Monitor] = []
        for page in pages(self._door, f"{self._organization}monitors/", by_link):
            for one in page.body if isinstance(page.body, list) else ():
                found += _monitors(one)
        return found

    def began(self, theirs: Mapping[str, str], said: Said) -> None:
        if self.assign_to and not self._is_assigned(theirs):
            self._door.send("PUT", self._issue(theirs), json={"assignedTo": self.assign_to})
        self._comment(theirs, said)

    def ended(self, theirs: Mapping[str, str], said: Said) -> None:
        if said.well and self.resolve:
            self._door.send("PUT", self._issue(theirs), json={"status": "resolved"})
        self._comment(theirs, said)

    def _is_assigned(self, theirs: Mapping[str, str]) -> bool:
        """Whoever has taken it keeps it."""
        issue = self._door.get(self._issue(theirs)).body
        return isinstance(issue, dict) and bool(issue.get("assignedTo"))

    def _comment(self, theirs: Mapping[str, str], said: Said) -> None:
        answer = self._door.send("POST", f"{self._issue(theirs)}comments/", json={"text": said.text}, taken=(400,))
        refusal = answer.body
        if answer.status == 400 and not (isinstance(refusal, dict) and refusal.get("detail") == POSTED_BEFORE):
            raise Refused("Sentry takes no such comment.")

    def _issue(self, theirs: Mapping[str, str]) -> str:
        return f"{self._organization}issues/{quote(theirs['issue'], safe='')}/"

    @property
    def _organization(self) -> str:
        # Without the slash at the end of what follows Sentry answers a PUT with an error.
        return f"/api/0/organizations/{quote(self.organization, safe='')}/"

    @property
    def _door(self) -> Door:
        place = dataclasses.replace(self.place(bearer(self.token)), resets=RESETS)
        return Door(place=place, words=_words, name="Sentry")


def _monitors(body: object) -> Iterator[Monitor]:
    if isinstance(body, Mapping):
        for place in body.get("environments") or ():
            if isinstance(place, Mapping):
                muted = bool(body.get("isMuted") or place.get("isMuted"))
                yield Monitor(
                    name=str(body.get("slug")),
                    environment=str(place.get("name")),
                    status=str(place.get("status")),
                    muted=muted,
                )


def _words(status: int, body: Json) -> CannotLook | None:
    if status in (401, 403):
        said = body.get("detail") if isinstance(body, Mapping) else None
        return Refused(
            f"Sentry refuses us ({status}){f': “{said}”' if isinstance(said, str) else '.'}",
            remedy="The token has to be one of this organization's, with the scopes event:read, event:write, org:read.",
        )
    if status == 404:
        return Refused(
            "Sentry knows no such organization, or not for this token (404).",
            remedy="Write `organization` as it stands in Sentry's addresses; `url` is https://de.sentry.io for the EU.",
        )
    return None
