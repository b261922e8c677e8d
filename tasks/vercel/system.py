"""The door to Vercel.

Paths and fields: vercel/sdk@426eb4b7 (Apache-2.0) and Vercel's REST reference (GET /v9/projects/{idOrName}: the target
`production`, and `lastAliasRequest`, the last promote or roll back that was asked for). Its runtime logs are not asked:
they are a stream without an end and without a past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, Field

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Json, Refused
from tasks.platform.hosted import HostedPlatform, identifier
from tasks.platform.platform import Deployment
from tasks.web.door import Door
from tasks.web.exchange import bearer
from tasks.web.reading import listed, not_as_documented, number, table, text
from tasks.web.system import http_url

# Newest first; one page. A hundred are weeks for most teams.
MOST = 100
GONE = ("CANCELED", "DELETED")
UNDER_WAY = ("BUILDING", "INITIALIZING", "QUEUED")
# Vercel's answers to a roll back that its plan or the state of the project does not allow.
NOT_ALLOWED = (402, 409, 422)


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """The last promotion that was asked for: built long before maybe, `to` serves since `at`, and `before` did then."""

    to: str
    before: str
    at: datetime

    @classmethod
    def read(cls, told: Mapping[str, Json]) -> Promoted | None:
        at = _moment(told.get("requestedAt"))
        if told.get("type") != "promote" or at is None:
            return None
        return cls(to=identifier(told.get("toDeploymentId")), before=identifier(told.get("fromDeploymentId")), at=at)

    def applied_to(self, found: Mapping[str, Deployment]) -> dict[str, Deployment]:
        """`found` with the moment since when it serves. What was built after the one before it had been taken back."""
        before = found.get(self.before)
        live = replace(found[self.to], at=max(found[self.to].at, self.at))
        return {
            uid: replace(one, returnable=one.returnable and (before is None or one.at <= before.at))
            for uid, one in found.items()
        } | {self.to: live}


class Vercel(HostedPlatform):
    """A project at Vercel, by its name or id; `team` is the id of the team it belongs to (team_…)."""

    kind: ClassVar[str] = "vercel"
    config_lines: ClassVar[str] = (
        'token = "${VERCEL_TOKEN}"                # Vercel: Account Settings, Tokens; of the team, with an end date\n'
        'project = "web"\n'
        'team = "team_…"                          # leave it out for a personal account'
    )
    said: ClassVar[str] = "Vercel"
    about_tokens: ClassVar[str] = (
        "Look in Vercel under Account Settings, Tokens: has it ended, or is it of another team than `team`?"
    )
    keeps: ClassVar[str] = (
        "Data, schema and secrets stay as they are now, and the older build keeps the settings it was built with. "
        "Vercel puts no new deployment into production by itself until one is promoted."
    )

    url: Annotated[str, AfterValidator(http_url("the API's address, like https://api.vercel.com"))] = (
        "https://api.vercel.com"
    )
    status_url: str = "https://www.vercel-status.com"
    project: str = Field(min_length=1, max_length=100)
    team: str = Field(default="", max_length=100)

    @property
    def address(self) -> str:
        return f"the project {self.project} at Vercel"

    def known_as(self) -> str:
        # Not GET /v2/user: a token of a team has no user.
        return f"Vercel shows us {text(self._project().get('name'), 100) or self.project}."

    def deployments(self) -> Sequence[Deployment]:
        project = self._project()
        asked: dict[str, str | int] = {"projectId": _id(project, "the project"), "target": "production", "limit": MOST}
        body = table(self._door.get("/v7/deployments", params={**asked, **self._team}).body)
        told = listed(body.get("deployments"), self.said, "its deployments")
        serving = identifier(table(table(project.get("targets")).get("production")).get("id"))
        promoted = Promoted.read(table(project.get("lastAliasRequest")))
        found = {one.id: one for one in (_read(one, serving) for one in told) if one is not None}
        if promoted is not None and promoted.to in found and found[promoted.to].live:
            found = promoted.applied_to(found)
        return sorted(found.values(), key=lambda one: one.at, reverse=True)

    def line(self, deployment_id: str) -> str:
        return f"POST {self.place().base}{self._way(deployment_id)}"

    def serve(self, deployment_id: str) -> None:
        self._door.send("POST", self._way(deployment_id), params=self._team)

    def _way(self, deployment_id: str) -> str:
        """Back to what served before by a roll back, forward to anything else by a promotion: neither builds anew."""
        project = quote(_id(self._project(), "the project"), safe="")
        found = self.deployments()
        live = next((one for one in found if one.live), None)
        to = next((one for one in found if one.id == deployment_id), None)
        back = live is not None and to is not None and to.at < live.at
        verb = f"/v1/projects/{project}/rollback" if back else f"/v10/projects/{project}/promote"
        return f"{verb}/{quote(deployment_id, safe='')}"

    def _project(self) -> Mapping[str, Json]:
        return table(self._door.get(f"/v9/projects/{quote(self.project, safe='')}", params=self._team).body)

    @property
    def _team(self) -> dict[str, str]:
        return {"teamId": self.team} if self.team else {}

    @property
    def _door(self) -> Door:
        return Door(place=self.place(bearer(self.token)), words=self._words, name=self.said)

    def _words(self, status: int, body: Json) -> CannotLook | None:
        error = table(table(body).get("error"))
        said = excerpt(": ".join(filter(None, (text(error.get("code"), 60), text(error.get("message"))))), 300)
        quoted = f": “{said}”" if said else ""
        if status in (401, 403):
            return Refused(f"Vercel refuses us ({status}){quoted}.", remedy=self.about_tokens)
        if status == 404:
            return Refused(
                f"Vercel knows no such thing, or not for this token (404){quoted}.",
                remedy="Write `project` and `team` as they stand in Vercel, under Settings, General.",
            )
        if status in NOT_ALLOWED:
            return Refused(
                f"Vercel does not do that ({status}){quoted}.",
                remedy="On the Hobby plan only the deployment right before can be returned to. While a promotion or a "
                "roll back is under way, wait for its end; then open the incident again.",
            )
        return None


def _read(one: Mapping[str, Json], serving: str) -> Deployment | None:
    """One that was meant for those who use it; None for one that was built and put nowhere, or says nothing."""
    uid, created = identifier(one.get("uid")), _moment(one.get("created", one.get("createdAt")))
    state = text(one.get("state", one.get("readyState")), 40)
    stage = text(one.get("readySubstate"), 40)
    live = uid == serving or stage == "ROLLING"
    failed = state == "ERROR"
    if not uid or created is None or state in GONE or (stage == "STAGED" and not live and not failed):
        return None
    why = ": ".join(filter(None, (text(one.get("errorCode"), 100), text(one.get("errorMessage"), 200))))
    return Deployment(
        id=uid,
        version=_version(one),
        at=created,
        by=text(table(one.get("creator")).get("username"), 80),
        live=live,
        returnable=state == "READY" and one.get("isRollbackCandidate") is not False,
        failed=(why or "the build failed") if failed else "",
        under_way=state in UNDER_WAY,
    )


def _id(told: Mapping[str, Json], what: str) -> str:
    found = identifier(told.get("id"))
    if not found:
        raise not_as_documented("Vercel", f"{what} has no id")
    return found


def _version(one: Mapping[str, Json]) -> str:
    """What people call it: the commit, where it was built of one, else its own address."""
    commit = text(table(one.get("meta")).get("githubCommitSha"), 64)
    return commit[:12] if commit else text(one.get("url"), 100)


def _moment(value: Json) -> datetime | None:
    """Vercel's moments are milliseconds since 1970."""
    told = number(value)
    try:
        return datetime.fromtimestamp(told / 1000, UTC) if told else None
    except (ValueError, OverflowError, OSError):
        return None
