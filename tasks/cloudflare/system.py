"""The door to a Worker at Cloudflare: what of it is deployed, and how its invocations end.

A roll back is a deployment of an older version, as wrangler does it. Deployments: result.deployments, newest first, at
most ten; the first is what serves. Its logs are not asked: they are a live tail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import quote

from pydantic import Field

from tasks.cloudflare.api import CloudflareApi
from tasks.model import Json
from tasks.platform.hosted import HostedPlatform, identifier
from tasks.platform.platform import Deployment
from tasks.web.reading import listed, moment, not_as_documented, number, rows, table, text

WHOLE = 100.0
INVOCATIONS = """
query ($account: string, $script: string, $from: string, $to: string) {
  viewer { accounts(filter: {accountTag: $account}) {
    workersInvocationsAdaptive(limit: 1000, filter: {scriptName: $script, datetime_geq: $from, datetime_leq: $to}) {
      sum { requests errors } quantiles { cpuTimeP50 cpuTimeP99 } dimensions { status }
    }
  } }
}
"""


@dataclass(frozen=True, kw_only=True)
class Invocations:
    """How many requests reached the Worker in a stretch of time, how many of them ended badly, and by which word."""

    requests: int
    errors: int
    by_status: Mapping[str, int]
    cpu_p99: float | None  # as Cloudflare tells it, of the worst group


# In this order: of two bases, pydantic takes a field as the first has it, and the platform has no address of its own.
class CloudflareWorker(CloudflareApi, HostedPlatform):
    """A Worker, by the name of its script."""

    kind: ClassVar[str] = "cloudflare-worker"
    config_lines: ClassVar[str] = (
        'token = "${CLOUDFLARE_TOKEN}"            # Workers Scripts: Edit; Account Analytics: Read\n'
        'account = "0123456789abcdef0123456789abcdef"\n'
        'script = "marketing-agent"'
    )
    keeps: ClassVar[str] = (
        "What lies in D1, KV, queues and R2, bindings and secrets stay as they are now: an older version has to get on "
        "with them."
    )

    script: str = Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")

    @property
    def address(self) -> str:
        return f"the Worker {self.script} at Cloudflare"

    def deployments(self) -> Sequence[Deployment]:
        told = listed(table(self.result(f"{self._worker}/deployments")).get("deployments"), self.said, "deployments")
        if not told:
            return ()
        shares = _shares(told[0])
        found = {one.id: one for deployment in reversed(told[1:]) for one in _whole(deployment)}
        # Last, so that what serves now has the moment since when it does.
        serving = [_deployed(told[0], version, live=True) for version in shares]
        back = self._taken_back([_whole(one)[0].id for one in reversed(told) if _whole(one)])
        found = {uid: replace(one, returnable=uid not in back) for uid, one in found.items()}
        found |= {one.id: one for one in serving}
        return sorted(found.values(), key=lambda one: one.at, reverse=True)

    def line(self, deployment_id: str) -> str:
        return (
            f'POST {self.place().base}{self._account}{self._worker}/deployments {{"versions": "{deployment_id} 100 %"}}'
        )

    def serve(self, deployment_id: str) -> None:
        # Without `force`: what Cloudflare would rather not do (a secret has changed since), a person decides.
        asked: Json = {
            "strategy": "percentage",
            "versions": [{"version_id": deployment_id, "percentage": 100}],
            "annotations": {"workers/message": "by Incident Pipelines"},
        }
        self.posted(f"{self._worker}/deployments", asked)

    def invocations(self, until: datetime, window: timedelta) -> Invocations:
        """What became of the requests in the stretch that ends then.

        Raises:
            CannotLook, Refused: it does not tell. The token needs Account Analytics: Read.
        """
        span = {"from": _written(until - window), "to": _written(until)}
        groups = self.graphql(INVOCATIONS, {"script": self.script, **span}).get("workersInvocationsAdaptive")
        by_status: dict[str, int] = {}
        requests = errors = 0
        p99: list[float] = []
        for one in listed(groups, self.said, "the Worker's invocations"):
            count, bad = (number(table(one.get("sum")).get(name)) for name in ("requests", "errors"))
            if count is None or bad is None:
                raise not_as_documented(self.said, "a group of invocations has no number of requests or errors")
            requests, errors = requests + int(count), errors + int(bad)
            status = text(table(one.get("dimensions")).get("status"), 60)
            by_status[status] = by_status.get(status, 0) + int(count)
            p99 += [told for told in [number(table(one.get("quantiles")).get("cpuTimeP99"))] if told is not None]
        return Invocations(requests=requests, errors=errors, by_status=by_status, cpu_p99=max(p99, default=None))

    def _taken_back(self, served: Sequence[str]) -> set[str]:
        """Which of those that served, oldest first, were last followed by an older version."""
        told = table(self.result(f"{self._worker}/versions")).get("items")
        numbers = {identifier(one.get("id")): number(one.get("number")) for one in rows(told)}
        first = {version: served.index(version) for version in served}

        def older(one: str, other: str) -> bool:
            mine, its = numbers.get(one), numbers.get(other)
            return mine < its if mine is not None and its is not None else first[one] < first[other]

        last = {version: n for n, version in enumerate(served)}
        return {one for one, n in last.items() if n + 1 < len(served) and older(served[n + 1], one)}

    @property
    def _worker(self) -> str:
        return f"/workers/scripts/{quote(self.script, safe='')}"


def _shares(deployment: Mapping[str, Json]) -> dict[str, float]:
    """The versions in a deployment, and of what is asked how many percent goes there."""
    shares = {identifier(v.get("version_id")): number(v.get("percentage")) for v in rows(deployment.get("versions"))}
    if not shares or "" in shares or any(share is None for share in shares.values()):
        raise not_as_documented("Cloudflare", "a deployment does not tell its versions and their percentages")
    return {version: share for version, share in shares.items() if share}


def _whole(deployment: Mapping[str, Json]) -> list[Deployment]:
    """The version that a deployment gave everything to; none where two shared it."""
    return [_deployed(deployment, version) for version, share in _shares(deployment).items() if share == WHOLE]


def _deployed(deployment: Mapping[str, Json], version: str, *, live: bool = False) -> Deployment:
    at = moment(deployment.get("created_on") if isinstance(deployment.get("created_on"), str) else None)
    if at is None:
        raise not_as_documented("Cloudflare", "a deployment does not tell when it was made")
    message = text(table(deployment.get("annotations")).get("workers/message"), 60)
    return Deployment(
        id=version,
        version=f"{version[:8]} “{message}”" if message else version[:8],
        at=at,
        by=text(deployment.get("author_email"), 80),
        live=live,
    )


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
