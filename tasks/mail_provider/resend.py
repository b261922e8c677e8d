"""Resend. Its OpenAPI description (resend/resend-openapi, 1.5.0, MIT) names every field here.

A key may be restricted to sending; it is answered 401, and is good all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import quote

from tasks.mail.codes import Kind
from tasks.mail_provider.reading import address
from tasks.mail_provider.told import (
    Allowance,
    Cause,
    DnsRecord,
    Failure,
    Failures,
    Knock,
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
from tasks.web.exchange import Answer, Key, Params, bearer
from tasks.web.pages import pages
from tasks.web.reading import listed, moment, not_as_documented, number, rows, table, text

# There is one; a domain's region is Resend's affair.
REGIONS = {"": "https://api.resend.com"}
PAGE = 100
COUNTED = (
    "delivered",
    "bounced",
    "bounced_permanent",
    "bounced_transient",
    "failed",
    "complained",
    "suppressed",
    "delivery_delayed",
)
ORIGINS = {"bounce": Cause.BOUNCE, "complaint": Cause.COMPLAINT, "manual": Cause.MANUAL}
RECORDS = {"verified": True, "failed": False, "temporary_failure": False}
RESTRICTED = "restricted_api_key"
LOST = {"bounced": "It bounced.", "failed": "Resend could not send it."}


class Resend(HttpVendor):
    """One sending domain at Resend."""

    name: ClassVar[str] = "Resend"
    puts: ClassVar[tuple[Cause, str]] = (Cause.MANUAL, "")

    @property
    def key(self) -> Key:
        return bearer(self.account.key)

    def said(self, body: Json) -> str:
        told = table(body)
        return ": ".join(filter(None, (text(told.get("name")), text(told.get("message")))))

    def is_restricted(self, status: int, body: Json) -> bool:
        return status == 401 and table(body).get("name") == RESTRICTED

    def knock(self) -> Knock:
        return self.knock_at("/domains", {"limit": 1})

    def volume(self, since: datetime) -> Volume:
        params = {
            "start_date": since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "metrics": ",".join(COUNTED),
            "domain_id": self._id,
        }
        totals = table(table(self.get("/emails/metrics", params).body).get("totals"))
        told = {name: self._count(totals.get(name), name) for name in COUNTED}
        return Volume(
            since=since,
            whose=self.account.domain,
            attempted=told["delivered"] + told["bounced"] + told["failed"],
            bounced=told["bounced"],
            hard=told["bounced_permanent"],
            soft=told["bounced_transient"],
            unsent=told["failed"],
            complaints=told["complained"],
            suppressed=told["suppressed"],
            deferred=told["delivery_delayed"],
        )

    def failures(self, since: datetime) -> Failures:
        body = table(self.get("/emails", {"limit": PAGE}).body)
        items = [(item, moment(item.get("created_at"))) for item in listed(body.get("data"), self.name, "mails")]
        recent = [item for item, at in items if at is not None and at >= since]
        return Failures(
            found=tuple(failure for item in recent for failure in _failures(item)),
            whole=body.get("has_more") is not True or len(recent) < len(items),
        )

    def domain(self) -> SendingDomain:
        told = self._told
        status = text(told.get("status"))
        return SendingDomain(
            name=self.account.domain,
            verified=status == "verified",
            state=status or "unknown",
            disabled="",
            records=tuple(
                DnsRecord(
                    name=text(record.get("name")),
                    type=text(record.get("type")),
                    value=text(record.get("value"), 1000),
                    found=RECORDS.get(text(record.get("status"))),
                )
                for record in rows(told.get("records"))
                # What belongs to receiving and tracking keeps no mail from going out.
                if record.get("record") in ("SPF", "DKIM")
            ),
        )

    def standing(self) -> Standing:
        sending = text(table(self._told.get("capabilities")).get("sending"))
        if sending not in ("enabled", "disabled"):
            raise not_as_documented(self.name, "the domain does not tell whether sending is enabled")
        state = Sending.OPEN if sending == "enabled" else Sending.PAUSED
        return Standing(sending=state, says=f"sending is {sending} for {self.account.domain}")

    def allowances(self) -> tuple[Allowance, ...]:
        answer = self.get("/domains", {"limit": PAGE})
        told = self.headers_told(answer.headers, "ratelimit-limit", "ratelimit-remaining")
        return (Allowance(what="requests", limit=told[0], left=told[1], of_mails=False),) if told else ()

    def suppressions(self, most: int) -> Suppressions:
        found: list[Suppressed] = []
        for one in self._listed():
            found.append(one)
            if len(found) >= most:
                return Suppressions(found=tuple(found), whole=False)
        return Suppressions(found=tuple(found), whole=True)

    def is_suppressed(self, address: str) -> bool:
        return self.get(f"/suppressions/{quote(address, safe='')}", taken=(404,)).is_success

    def suppress(self, addresses: Sequence[str]) -> None:
        for one in addresses:
            self.door.send("POST", "/suppressions", json={"email": one})

    def release(self, one: Suppressed) -> None:
        self.door.send("DELETE", f"/suppressions/{quote(one.address, safe='')}", taken=(404,))

    def suppress_line(self, shown: str) -> str:
        return f"POST /suppressions  {shown}"

    def release_line(self, one: Suppressed, shown: str) -> str:  # noqa: ARG002
        return f"DELETE /suppressions/{shown}"

    def switch(self) -> Switch:
        line = f"PATCH /domains/{self._id}"
        return Switch(
            holds_up=f"everything that {self.account.domain} sends; what it receives still arrives",
            pause_line=f"{line}  sending: disabled",
            resume_line=f"{line}  sending: enabled",
        )

    def pause(self) -> None:
        self._turn("disabled")

    def resume(self) -> None:
        self._turn("enabled")

    def _turn(self, sending: str) -> None:
        # One of the two must stay enabled. What is already enabled stays, and the other is not switched on in passing.
        receiving = text(table(self._told.get("capabilities")).get("receiving"))
        if receiving != "enabled" and sending == "disabled":
            self.not_offered(
                "offer a pause of a domain that receives nothing: one of the two stays enabled",
                "Pause your own sender.",
            )
        asked: Json = {"capabilities": {"sending": sending, "receiving": receiving or "disabled"}}
        self.door.send("PATCH", f"/domains/{quote(self._id, safe='')}", json=asked)

    @property
    def _told(self) -> Mapping[str, Json]:
        told = table(self.get(f"/domains/{quote(self._id, safe='')}").body)
        if not told:
            raise not_as_documented(self.name, "the domain is no table")
        return told

    @property
    def _id(self) -> str:
        for page in pages(self.door, "/domains", _next, params={"limit": PAGE}):
            for one in listed(table(page.body).get("data"), self.name, "domains"):
                if text(one.get("name")).lower() == self.account.domain and text(one.get("id")):
                    return text(one.get("id"))
        raise Refused(f"Resend has no domain {self.account.domain}.", remedy="Add it there, or correct `domain`.")

    def _listed(self) -> Iterator[Suppressed]:
        for page in pages(self.door, "/suppressions", _next, params={"limit": PAGE}):
            for item in listed(table(page.body).get("data"), self.name, "suppressions"):
                who, cause = address(item.get("email")), ORIGINS.get(text(item.get("origin")))
                if who is not None and cause is not None:
                    yield Suppressed(address=who, cause=cause, since=moment(item.get("created_at")))

    def _count(self, value: Json, name: str) -> int:
        counted = number(value)
        if counted is None:
            raise not_as_documented(self.name, f"{name} is no number")
        return int(counted)


def _next(answer: Answer) -> Params | None:
    body = table(answer.body)
    last = next((text(one.get("id")) for one in reversed(rows(body.get("data")))), "")
    return {"after": last} if body.get("has_more") is True and last else None


def _failures(item: Mapping[str, Json]) -> Iterator[Failure]:
    """One for each it was sent to. The list does not tell why, nor whether a bounce is for good."""
    means = LOST.get(text(item.get("last_event")))
    sent_to = item.get("to")
    if means is None or not isinstance(sent_to, list):
        return
    message = text(item.get("id"))
    for one in sent_to[:PAGE]:
        who = address(one)
        if who is not None:
            yield Failure(address=who, kind=Kind.UNKNOWN, means=means, reply="", status="", said="", message=message)
