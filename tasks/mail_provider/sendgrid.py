"""SendGrid. Its OpenAPI descriptions (twilio/sendgrid-oai, MIT) name every field here.

It counts by the day. A block is no suppression: the next mail to that address is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import quote

from tasks.mail.codes import Kind, reason
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
from tasks.model import Json, Refused, Row
from tasks.web.exchange import Answer, Key, Params, bearer
from tasks.web.pages import pages
from tasks.web.reading import listed, moment, not_as_documented, number, rows, table, text

REGIONS = {"us": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}
PAGE = 500
DROPS = ("bounce_drops", "spam_report_drops", "unsubscribe_drops")
COUNTED = ("delivered", "bounces", "blocks", "deferred", "spam_reports", "invalid_emails", *DROPS)
LISTS = {
    "/v3/suppression/bounces": Cause.BOUNCE,
    "/v3/suppression/invalid_emails": Cause.BOUNCE,
    "/v3/suppression/spam_reports": Cause.COMPLAINT,
    "/v3/suppression/unsubscribes": Cause.UNSUBSCRIBE,
}
# Where an address is put by hand. SendGrid shows it among those who unsubscribed.
GLOBAL = "/v3/asm/suppressions/global"


class SendGrid(HttpVendor):
    """One account at SendGrid, or one of its subusers."""

    name: ClassVar[str] = "SendGrid"
    puts: ClassVar[tuple[Cause, str]] = (Cause.UNSUBSCRIBE, "/v3/suppression/unsubscribes")

    @property
    def key(self) -> Key:
        return bearer(self.account.key)

    def said(self, body: Json) -> str:
        return "; ".join(filter(None, (text(error.get("message")) for error in rows(table(body).get("errors")))))

    def knock(self) -> Knock:
        return self.knock_at("/v3/scopes")

    def volume(self, since: datetime) -> Volume:
        begin = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        answer = self.get("/v3/stats", {"start_date": f"{begin:%Y-%m-%d}", "aggregated_by": "day"})
        told = dict.fromkeys(COUNTED, 0)
        for day in listed(answer.body, self.name, "statistics"):
            for stat in rows(day.get("stats")):
                for name in COUNTED:
                    told[name] += self._count(table(stat.get("metrics")).get(name), name)
        bounced = told["bounces"] + told["blocks"]
        return Volume(
            since=begin,
            whose=self.account.part or "the whole account",
            attempted=told["delivered"] + bounced + told["invalid_emails"],
            bounced=bounced,
            hard=told["bounces"],
            blocked=told["blocks"],
            unsent=told["invalid_emails"],
            complaints=told["spam_reports"],
            suppressed=sum(told[name] for name in DROPS),
            deferred=told["deferred"],
        )

    def failures(self, since: datetime) -> Failures:
        params = {"start_time": int(since.timestamp()), "limit": PAGE}
        lists = [
            listed(self.get(f"/v3/suppression/{name}", params).body, self.name, name) for name in ("bounces", "blocks")
        ]
        found = [_failure(item, blocked=number == 1) for number, items in enumerate(lists) for item in items]
        return Failures(
            found=tuple(failure for failure in found if failure), whole=all(len(items) < PAGE for items in lists)
        )

    def domain(self) -> SendingDomain:
        answer = self.get("/v3/whitelabel/domains", {"domain": self.account.domain})
        # It searches: what begins alike is found, too.
        found = [
            one
            for one in listed(answer.body, self.name, "domains")
            if text(one.get("domain")).lower() == self.account.domain
        ]
        if not found:
            raise Refused(
                f"SendGrid has no authenticated domain {self.account.domain}.",
                remedy="Authenticate it: Settings, Sender Authentication; or correct `domain`.",
            )
        # Of several the one that is used comes first.
        told = sorted(found, key=lambda one: (one.get("valid") is not True, one.get("default") is not True))[0]
        return SendingDomain(
            name=self.account.domain,
            verified=told.get("valid") is True,
            state="valid" if told.get("valid") is True else "not valid",
            disabled="",
            records=tuple(_record(record) for record in table(told.get("dns")).values() if isinstance(record, dict)),
        )

    def standing(self) -> Standing:
        if self.account.part:
            disabled = self._is_disabled()
            path, params = "/v3/subusers/reputations", {"usernames": self.account.part}
            told = next(iter(rows(self.get(path, params).body)), {})
            state = Sending.PAUSED if disabled else Sending.OPEN
            says = f"the subuser {self.account.part} is {'disabled' if disabled else 'enabled'}"
        else:
            told = table(self.get("/v3/user/account").body)
            state, says = Sending.OPEN, f"the account is {text(told.get('type')) or 'of no known type'}"
        reputation = number(told.get("reputation"))
        if reputation is None:
            raise not_as_documented(self.name, "the account has no reputation")
        return Standing(sending=state, says=says, reputation=min(reputation / 100, 1.0))

    def allowances(self) -> tuple[Allowance, ...]:
        answer = self.get("/v3/user/credits")
        told = table(answer.body)
        total, left = number(told.get("total")), number(told.get("remain"))
        found = []
        if total and left is not None:
            what = f"mails until {text(told.get('next_reset'), 32) or 'the next reset'}"
            found.append(Allowance(what=what, limit=total, left=min(left, total)))
        requests = self.headers_told(answer.headers, "x-ratelimit-limit", "x-ratelimit-remaining")
        if requests:
            found.append(Allowance(what="requests", limit=requests[0], left=requests[1], of_mails=False))
        return tuple(found)

    def suppressions(self, most: int) -> Suppressions:
        found: list[Suppressed] = []
        for path in LISTS:
            for one in self._listed(path):
                found.append(one)
                if len(found) >= most:
                    return Suppressions(found=tuple(found), whole=False)
        return Suppressions(found=tuple(found), whole=True)

    def is_suppressed(self, address: str) -> bool:
        name = quote(address, safe="")
        if text(table(self.get(f"{GLOBAL}/{name}").body).get("recipient_email")):
            return True
        lists = [path for path in LISTS if not path.endswith("unsubscribes")]
        return any(rows(self.get(f"{path}/{name}", taken=(404,)).body) for path in lists)

    def suppress(self, addresses: Sequence[str]) -> None:
        self.door.send("POST", GLOBAL, json={"recipient_emails": list(addresses)})

    def release(self, one: Suppressed) -> None:
        self.door.send("DELETE", self._path_of(one, quote(one.address, safe="")), taken=(404,))

    def suppress_line(self, shown: str) -> str:
        return f"POST {GLOBAL}  {shown}"

    def release_line(self, one: Suppressed, shown: str) -> str:
        return f"DELETE {self._path_of(one, shown)}"

    def switch(self) -> Switch:
        if not self.account.part:
            self.not_offered(
                "offer a pause of an account, only of a subuser",
                "Pause your own sender; or send by a subuser, and set `subaccount` to its name.",
            )
        line = f"PATCH /v3/subusers/{quote(self.account.part, safe='')}"
        return Switch(
            holds_up=f"everything that the subuser {self.account.part} sends",
            pause_line=f'{line}  {{"disabled": true}}',
            resume_line=f'{line}  {{"disabled": false}}',
        )

    def pause(self) -> None:
        self._turn(disabled=True)

    def resume(self) -> None:
        self._turn(disabled=False)

    def _turn(self, *, disabled: bool) -> None:
        self.switch()
        path = f"/v3/subusers/{quote(self.account.part, safe='')}"
        self.door.send("PATCH", path, json={"disabled": disabled})

    def _is_disabled(self) -> bool:
        listed = rows(self.get("/v3/subusers", {"username": self.account.part}).body)
        own = [one for one in listed if one.get("username") == self.account.part]
        if not own or not isinstance(own[0].get("disabled"), bool):
            raise Refused(
                f"SendGrid knows no subuser {self.account.part}.", remedy="Correct `subaccount`: the subuser's name."
            )
        return own[0]["disabled"] is True

    def _listed(self, path: str) -> Iterator[Suppressed]:
        offset = 0

        def following(answer: Answer) -> Params | None:
            nonlocal offset
            offset += PAGE
            return {"offset": offset} if len(rows(answer.body)) >= PAGE else None

        for page in pages(self.door, path, following, params={"limit": PAGE, "offset": 0}):
            for item in listed(page.body, self.name, "suppressions"):
                who = address(item.get("email"))
                if who is None:
                    continue
                said, bounced = text(item.get("reason")), LISTS[path] is Cause.BOUNCE
                yield Suppressed(
                    address=who,
                    cause=LISTS[path],
                    kept_in=path,
                    kind=reason(said, status=text(item.get("status"), 16)).kind if bounced and said else None,
                    said=said,
                    since=moment(item.get("created")),
                )

    def _path_of(self, one: Suppressed, address: str) -> str:
        # Who is suppressed by hand, or unsubscribed, is listed in one place and removed in another.
        listed = one.kept_in in LISTS and LISTS[one.kept_in] is not Cause.UNSUBSCRIBE
        return f"{one.kept_in if listed else GLOBAL}/{address}"

    def _count(self, value: Json, name: str) -> int:
        counted = number(value)
        if counted is None:
            raise not_as_documented(self.name, f"{name} is no number")
        return int(counted)


def _record(told: Row) -> DnsRecord:
    valid = told.get("valid")
    return DnsRecord(
        name=text(told.get("host")),
        type=text(told.get("type")).upper(),
        value=text(told.get("data"), 1000),
        found=valid if isinstance(valid, bool) else None,
    )


def _failure(item: Row, *, blocked: bool) -> Failure | None:
    who = address(item.get("email"))
    if who is None:
        return None
    said = text(item.get("reason"))
    why = reason(said, status=text(item.get("status"), 16))
    # SendGrid has judged: a block says nothing about the address, whatever the server's words were.
    kind = Kind.BLOCK if blocked and why.kind in (Kind.HARD, Kind.UNKNOWN) else why.kind
    means = "SendGrid calls it a block." if kind is not why.kind else why.means
    return Failure(address=who, kind=kind, means=means, reply=why.reply, status=why.status, said=said)
