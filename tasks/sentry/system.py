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
from tasks.sentry.told import Issue, Release, issue, release
from tasks.web.door import Door
from tasks.web.exchange import Answer, bearer
from tasks.web.pages import pages
from tasks.web.reading import listed, not_as_documented, table, text, words
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
NEWLINE = "\n"
RESETS = ("x-sentry-rate-limit-reset",)


class SentryApi(AlertingApi):
    """An organization at Sentry. The token needs `event:write`; `assign_to` is `team:ID`, `user:ID`, a name or mail."""

    kind: ClassVar[str] = "sentry"
    config_lines: ClassVar[str] = (
        'token = "${SENTRY_TOKEN}"        # with event:read, event:write, org:read; project:read for releases\n'
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
        for page in pages(self._door, f"{self._organization}monitors/", _following):
            for one in page.body if isinstance(page.body, list) else ():
                found += _monitors(one)
        return found

    def issues(self, query: str, *, sort: str, limit: int = 25) -> list[Issue]:
        """The first of those that fit Sentry's own `query`, with their last 24 hours.

        Raises:
            CannotLook, Refused: it does not tell.
        """
        params: dict[str, str | int] = {"query": query, "sort": sort, "limit": limit, "statsPeriod": "24h"}
        answer = self._door.get(f"{self._organization}issues/", params={**params, "groupStatsPeriod": "24h"})
        return [one for row in listed(answer.body, "Sentry", "its issues") if (one := issue(row)) is not None]

    def issue(self, issue_id: str) -> Issue:
        """One issue, as it is now.

        Raises:
            CannotLook, Refused: it does not tell, or knows none of that id.
        """
        found = issue(table(self._door.get(self._issue({"issue": issue_id})).body))
        if found is None:
            raise not_as_documented("Sentry", "an issue without an id")
        return found

    def change(self, issue_id: str, **fields: str) -> None:
        """Change these fields of one issue, and of no other: Sentry's bulk update without ids would take all.

        Raises:
            CannotLook, Refused: it was not, or may not have been, changed.
        """
        self._door.send("PUT", self._issue({"issue": issue_id}), json=fields)

    def releases(self) -> list[Release]:
        """The newest ones, newest first. The token needs project:read or org:ci.

        Raises:
            CannotLook, Refused: it does not tell.
        """
        answer = self._door.get(f"{self._organization}releases/", params={"per_page": 20})
        found = [one for row in listed(answer.body, "Sentry", "its releases") if (one := release(row)) is not None]
        return sorted(found, key=lambda one: one.at, reverse=True)

    def commits(self, version: str) -> list[str]:
        """What a release changed, each by its id and first line; the published API tells of no issue's own suspects.

        Raises:
            CannotLook, Refused: it does not tell.
        """
        answer = self._door.get(f"{self._organization}releases/{quote(version, safe='')}/commits/")
        told = listed(answer.body, "Sentry", "a release's commits")
        return [
            f"{text(one.get('id'), 12)} {text(words(one.get('message')).partition(NEWLINE)[0], 100)}" for one in told
        ]

    def line(self, issue_id: str, field: str, value: str) -> str:
        """The request that `change` makes, as a person would send it."""
        return f'PUT {self.place().base}{self._issue({"issue": issue_id})} {{"{field}": "{value}"}}'

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


def _following(answer: Answer) -> str | None:
    """Sentry names a next page always, and says beside it whether anything is on it."""
    found = answer.links.get("next", {})
    return found.get("url") if found.get("results") == "true" else None


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
