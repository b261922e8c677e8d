"""Mailgun. Its OpenAPI description (mailgun/mailgun-mcp-server, src/openapi.yaml, 2026-07) names every field here.

A domain belongs to one region, and each region has an API of its own. Keys that may only send are refused everything
that is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import ClassVar
from urllib.parse import quote

from tasks.mail.codes import reason
from tasks.mail_provider.reading import address
from tasks.mail_provider.told import (
    Allowance,
    Cause,
    DnsRecord,
    Failure,
    Failures,
    Knock,
    Queue,
    Sending,
    SendingDomain,
    Standing,
    Suppressed,
    Suppressions,
    Switch,
    Volume,
)
from tasks.mail_provider.vendor import HttpVendor
from tasks.model import Json, Refused
from tasks.web.exchange import Answer, Key, Params, basic
from tasks.web.pages import pages
from tasks.web.reading import listed, moment, not_as_documented, number, rows, table, text

REGIONS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
# The most that one page holds.
EVENTS, LISTED = 300, 1000
METRICS = (
    "delivered_count",
    "bounced_count",
    "hard_bounces_count",
    "soft_bounces_count",
    "permanent_failed_esp_block_count",
    "temporary_failed_count",
    "complained_count",
    "suppressed_bounces_count",
    "suppressed_unsubscribed_count",
    "suppressed_complaints_count",
    "rate_limit_count",
)
LISTS = {"bounces": Cause.BOUNCE, "complaints": Cause.COMPLAINT, "unsubscribes": Cause.UNSUBSCRIBE}
# What we write beside an address, so that a person sees there whose doing it is.
WROTE = "Suppressed by incident-pipelines"
FOUND = {"valid": True, "invalid": False}
REASON = "incident"
STATES = {"open": Sending.OPEN, "disabled": Sending.PAUSED, "closed": Sending.STOPPED}


class Mailgun(HttpVendor):
    """One sending domain at Mailgun."""

    name: ClassVar[str] = "Mailgun"
    puts: ClassVar[tuple[Cause, str]] = (Cause.MANUAL, "bounces")

    @property
    def key(self) -> Key:
        return basic("api", self.account.key)

    def said(self, body: Json) -> str:
        return text(table(body).get("message"))

    def knock(self) -> Knock:
        return self.knock_at(f"/v4/domains/{self._domain}")

    def volume(self, since: datetime) -> Volume:
        # Counted by the hour: from a later minute of it on, all of the hour would be missing or there.
        begin = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        asked: Json = {
            "start": format_datetime(begin),
            "end": format_datetime(datetime.now(UTC)),
            "resolution": "hour",
            "dimensions": ["domain"],
            "metrics": list(METRICS),
            "filter": {"AND": [{"attribute": "domain", "comparator": "=", "values": [self._label]}]},
            "include_aggregates": True,
        }
        body = table(self.door.send("POST", "/v1/analytics/metrics", json=asked, reads=True).body)
        counted = table(table(body.get("aggregates")).get("metrics"))
        if not counted:
            raise not_as_documented(self.name, "the metrics have no aggregates")
        told = {name: self._count(counted.get(name), name) for name in METRICS}
        blocked = told["permanent_failed_esp_block_count"]
        return Volume(
            since=begin,
            whose=self.account.domain,
            attempted=told["delivered_count"] + told["bounced_count"],
            bounced=told["bounced_count"],
            hard=told["hard_bounces_count"],
            # Mailgun counts blocks among the soft ones.
            soft=max(told["soft_bounces_count"] - blocked, 0),
            blocked=blocked,
            complaints=told["complained_count"],
            suppressed=sum(told[name] for name in METRICS if name.startswith("suppressed")),
            deferred=told["temporary_failed_count"],
            rate_limited=told["rate_limit_count"],
        )

    def failures(self, since: datetime) -> Failures:
        # From now backwards: the newest come first.
        begin, end = int(datetime.now(UTC).timestamp()), int(since.timestamp())
        params: Params = {"event": "failed", "begin": begin, "end": end, "ascending": "no", "limit": EVENTS}
        items = listed(table(self.get(f"/v3/{self._domain}/events", params).body).get("items"), self.name, "events")
        found = tuple(failure for item in items if (failure := _failure(item)))
        return Failures(found=found, whole=len(items) < EVENTS)

    def domain(self) -> SendingDomain:
        body = table(self.get(f"/v4/domains/{self._domain}").body)
        told = table(body.get("domain"))
        if not text(told.get("state")):
            raise not_as_documented(self.name, "the domain has no state")
        why = text(table(told.get("disabled")).get("reason")) or "no reason is given"
        return SendingDomain(
            name=self.account.domain,
            verified=told.get("state") == "active",
            state=text(told.get("state")),
            disabled=why if told.get("is_disabled") is True else "",
            records=tuple(
                DnsRecord(
                    name=text(record.get("name")),
                    type=text(record.get("record_type")),
                    value=text(record.get("value"), 1000),
                    found=FOUND.get(text(record.get("valid"))),
                )
                for record in rows(body.get("sending_dns_records"))
            ),
        )

    def standing(self) -> Standing:
        domain = self.domain()
        if domain.disabled:
            return Standing(sending=Sending.STOPPED, says=f"the domain is disabled: {domain.disabled}")
        if not self.account.part:
            return Standing(sending=Sending.OPEN, says=f"the domain is {domain.state}")
        status = self._status
        return Standing(sending=STATES[status], says=f"the subaccount {self.account.part} is {status}")

    def queue(self) -> Queue:
        body = table(self.get(f"/v3/domains/{self._domain}/sending_queues").body)
        if not {"regular", "scheduled"} <= body.keys():
            raise not_as_documented(self.name, "the queues are missing")
        closed = [
            f"{name}: {text(table(queue.get('disabled')).get('reason')) or 'no reason is given'}"
            for name in ("regular", "scheduled")
            if (queue := table(body[name])).get("is_disabled") is True
        ]
        return Queue(closed="; ".join(closed))

    def allowances(self) -> tuple[Allowance, ...]:
        answer = self.get("/v5/accounts/limit/custom/monthly", taken=(404,))
        body = table(answer.body)
        limit, current = number(body.get("limit")), number(body.get("current"))
        if answer.status == 404 or not limit or current is None:
            # Nobody set a limit: 404 “No threshold for account”.
            return ()
        what = f"mails in {text(body.get('period')) or 'its period'}, the account's own limit"
        return (Allowance(what=what, limit=limit, left=max(limit - current, 0.0)),)

    def suppressions(self, most: int) -> Suppressions:
        found: list[Suppressed] = []
        for name in LISTS:
            for one in self._listed(name):
                found.append(one)
                if len(found) >= most:
                    return Suppressions(found=tuple(found), whole=False)
        return Suppressions(found=tuple(found), whole=True)

    def is_suppressed(self, address: str) -> bool:
        paths = [f"/v3/{self._domain}/{name}/{quote(address, safe='')}" for name in LISTS]
        return any(self.get(path, taken=(404,)).is_success for path in paths)

    def suppress(self, addresses: Sequence[str]) -> None:
        now = format_datetime(datetime.now(UTC))
        asked = [{"address": one, "code": "550", "error": WROTE, "created_at": now} for one in addresses]
        self.door.send("POST", f"/v3/{self._domain}/bounces", json=asked)

    def release(self, one: Suppressed) -> None:
        self.door.send("DELETE", self._path_of(one, quote(one.address, safe="")), taken=(404,))

    def suppress_line(self, shown: str) -> str:
        return f"POST /v3/{self._domain}/bounces  {shown}"

    def release_line(self, one: Suppressed, shown: str) -> str:
        return f"DELETE {self._path_of(one, shown)}"

    def switch(self) -> Switch:
        if not self.account.part:
            self.not_offered(
                "offer a pause of one domain, only of a subaccount",
                "Pause your own sender; or send by a subaccount, and set `subaccount` to its id.",
            )
        path = f"/v5/accounts/subaccounts/{self._part}"
        return Switch(
            holds_up=f"everything that the subaccount {self.account.part} sends",
            pause_line=f"POST {path}/disable?reason={REASON}",
            resume_line=f"POST {path}/enable",
        )

    def is_paused(self) -> bool:
        self.switch()
        return STATES[self._status] is Sending.PAUSED

    def pause(self) -> None:
        self._turn("disable", {"reason": REASON})

    def resume(self) -> None:
        self._turn("enable", {})

    def _turn(self, verb: str, params: dict[str, str]) -> None:
        self.switch()
        # 400: it is so already.
        answer = self.door.send("POST", f"/v5/accounts/subaccounts/{self._part}/{verb}", params=params, taken=(400,))
        if answer.status == 400 and "already" not in self.said(answer.body):
            raise Refused(f"Mailgun does not {verb} the subaccount: “{self.said(answer.body)}”.")

    def _listed(self, name: str) -> Iterator[Suppressed]:
        path = f"/v3/{self._domain}/{name}"
        for page in pages(self.door, path, _next, params={"limit": LISTED}):
            for item in listed(table(page.body).get("items"), self.name, name):
                who = address(item.get("address"))
                if who is None:
                    continue
                said = text(item.get("error"))
                # Only of a bounce it is told what was said; the code alone tells little.
                why = reason(f"{text(item.get('code'), 8)} {said}") if name == "bounces" and said != WROTE else None
                yield Suppressed(
                    address=who,
                    cause=Cause.MANUAL if said == WROTE else LISTS[name],
                    kept_in=name,
                    kind=why.kind if why else None,
                    said=said,
                    since=moment(item.get("created_at")),
                )

    def _path_of(self, one: Suppressed, address: str) -> str:
        return f"/v3/{self._domain}/{one.kept_in if one.kept_in in LISTS else 'bounces'}/{address}"

    def _count(self, value: Json, name: str) -> int:
        counted = 0.0 if value is None else number(value)
        if counted is None:
            raise not_as_documented(self.name, f"{name} is no number")
        return int(counted)

    @property
    def _status(self) -> str:
        """The subaccount's, one of STATES."""
        body = table(self.get(f"/v5/accounts/subaccounts/{self._part}").body)
        status = text(table(body.get("subaccount")).get("status"))
        if status not in STATES:
            raise not_as_documented(self.name, "the subaccount has no status that is known")
        return status

    @property
    def _label(self) -> Json:
        return {"label": self.account.domain, "value": self.account.domain}

    @property
    def _domain(self) -> str:
        return quote(self.account.domain, safe="")

    @property
    def _part(self) -> str:
        return quote(self.account.part, safe="")


def _next(answer: Answer) -> str | None:
    """There is always an address of a next page; the list is over where a page is empty."""
    body = table(answer.body)
    following = table(body.get("paging")).get("next")
    return following if rows(body.get("items")) and isinstance(following, str) else None


def _failure(item: Json) -> Failure | None:
    told = table(item)
    who = address(told.get("recipient"))
    if who is None:
        return None
    status = table(told.get("delivery-status"))
    said = " ".join(filter(None, (text(status.get("message")), text(status.get("description")))))
    code = number(status.get("code"))
    why = reason(said, status=text(status.get("enhanced-code"), 16), reply=int(code) if code else None)
    return Failure(
        address=who,
        kind=why.kind,
        means=why.means,
        reply=why.reply,
        status=why.status,
        said=said or text(told.get("reason")),
        final=told.get("severity") == "permanent",
        message=text(table(table(told.get("message")).get("headers")).get("message-id")),
    )
