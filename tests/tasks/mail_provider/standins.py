"""Stand-ins for SendGrid, Resend and Amazon SES: servers on loopback that keep state and answer as is published.

Mailgun's is the lab's own (deployments/lab/provider.py). All write down what was asked and answered.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from deployments.lab.provider import Provider
from tests.tasks.mail_provider.spec import Exchange

KEY = "SG.a-key-that-nobody-else-may-read"
DOMAIN = "mg.example.com"
Query = Mapping[str, list[str]]
# A status, what is sent as JSON (None: nothing; bytes: as they are).
Reply = tuple[int, Any]


class StandIn:
    """What it has seen; `trouble`: what it answers to everything instead."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []
        self.trouble: Reply | None = None
        self.headers: dict[str, str] = {}
        self.url = ""

    @property
    def changes(self) -> list[tuple[str, str, Any]]:
        """What was asked that changes something: the method, the address, what was sent."""
        return [
            (one.method, unquote(urlsplit(one.target).path), json.loads(one.body) if one.body else None)
            for one in self.seen
            # Two vendors are asked for their numbers by POST.
            if one.method != "GET" and one.target not in ("/", "/v1/analytics/metrics")
        ]

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> Reply:
        if self.trouble is not None:
            return self.trouble
        if not self.knows(authorization):
            return self.unknown
        parts = urlsplit(target)
        path = [unquote(part) for part in parts.path.strip("/").split("/")]
        return self.routed([method, *path], parse_qs(parts.query), body)

    unknown: Reply = (401, {})

    def knows(self, authorization: str) -> bool:
        return authorization == f"Bearer {KEY}"

    def routed(self, asked: list[str], query: Query, body: bytes) -> Reply:
        raise NotImplementedError


class SendGridStandIn(StandIn):
    """An account with one subuser, `crm`."""

    unknown = (401, {"errors": [{"field": None, "message": "authorization required"}]})

    def __init__(self) -> None:
        super().__init__()
        self.day = {"delivered": 960, "bounces": 4, "blocks": 3, "deferred": 2, "spam_reports": 0, "invalid_emails": 1}
        self.disabled = False
        self.unsubscribed: dict[str, int] = {}
        self.reputation = 98.6
        now = int(datetime.now(UTC).timestamp())
        self.lists: dict[str, list[dict[str, Any]]] = {
            "bounces": [
                _entry(now, "gone@example.org", "550 5.1.1 The email account does not exist", "5.1.1"),
                _entry(now, "full@example.org", "452 4.2.2 mailbox full", "4.2.2"),
            ],
            "blocks": [_entry(now, "shy@example.net", "550 5.7.1 listed by a blocklist", "5.7.1")],
            "invalid_emails": [{"created": now, "email": "typo@example.invalid", "reason": "Mail domain mentioned in"}],
            "spam_reports": [{"created": now, "email": "angry@example.org", "ip": "192.0.2.7"}],
        }

    def routed(self, asked: list[str], query: Query, body: bytes) -> Reply:
        match asked:
            case ["GET", "v3", "scopes"]:
                return 200, {"scopes": ["mail.send", "stats.read"]}
            case ["GET", "v3", "stats"]:
                return 200, [{"date": query["start_date"][0], "stats": [{"metrics": _filled(self.day)}]}]
            case ["GET", "v3", "whitelabel", "domains"]:
                return 200, [_authenticated("other.example.com", valid=False), _authenticated(DOMAIN, valid=True)]
            case ["GET", "v3", "user", "account"]:
                return 200, {"type": "paid", "reputation": self.reputation}
            case ["GET", "v3", "user", "credits"]:
                return 200, {
                    "remain": 300,
                    "total": 1000,
                    "overage": 0,
                    "used": 700,
                    "last_reset": "2026-11-01",
                    "next_reset": "2026-12-01",
                    "reset_frequency": "monthly",
                }
            case ["GET", "v3", "subusers", "reputations"]:
                return 200, [{"username": "crm", "reputation": self.reputation}]
            case ["GET", "v3", "subusers"]:
                return 200, [{"id": 7, "username": "crm", "email": "crm@example.com", "disabled": self.disabled}]
            case ["PATCH", "v3", "subusers", "crm"]:
                self.disabled = json.loads(body)["disabled"]
                return 204, None
            case ["GET", "v3", "suppression", "unsubscribes"]:
                return 200, _page([{"created": at, "email": who} for who, at in self.unsubscribed.items()], query)
            case [verb, "v3", "asm", "suppressions", "global", *who]:
                return self._global(verb, who, body)
            case [verb, "v3", "suppression", kind, *who] if kind in self.lists:
                return self._suppression(verb, kind, who, query)
        return 404, {"errors": [{"message": "not found"}]}

    def _global(self, verb: str, who: list[str], body: bytes) -> Reply:
        if verb == "POST" and not who:
            added = json.loads(body)["recipient_emails"]
            self.unsubscribed |= dict.fromkeys(added, int(datetime.now(UTC).timestamp()))
            return 201, {"recipient_emails": added}
        if verb == "DELETE":
            self.unsubscribed.pop(who[0], None)
            return 204, None
        return 200, {"recipient_email": who[0]} if who[0] in self.unsubscribed else {}

    def _suppression(self, verb: str, kind: str, who: list[str], query: Query) -> Reply:
        if verb == "GET":
            fitting = [one for one in self.lists[kind] if not who or one["email"] == who[0]]
            return 200, _page(fitting, query)
        if not who:
            # What empties the whole list is none of our business.
            return 400, {"errors": [{"message": "refused by the test"}]}
        before = len(self.lists[kind])
        self.lists[kind] = [one for one in self.lists[kind] if one["email"] != who[0]]
        return (204, None) if len(self.lists[kind]) < before else (404, {"errors": [{"message": "not found"}]})


class ResendStandIn(StandIn):
    """A team with one domain that sends and receives."""

    unknown = (403, {"statusCode": 403, "name": "invalid_api_key", "message": "API key is invalid"})

    def __init__(self) -> None:
        super().__init__()
        self.headers = {"ratelimit-limit": "5", "ratelimit-remaining": "4", "ratelimit-reset": "1"}
        self.capabilities = {"sending": "enabled", "receiving": "enabled"}
        self.status = "verified"
        self.suppressed: dict[str, dict[str, Any]] = {}
        self.counted = {"delivered": 480, "bounced": 20, "bounced_permanent": 12, "bounced_transient": 8, "failed": 2}
        self.emails = [_email(0, "delivered"), _email(1, "bounced"), _email(2, "failed")]
        for who, origin in (("gone@example.org", "bounce"), ("angry@example.org", "complaint")):
            self._add(who, origin)

    def routed(self, asked: list[str], query: Query, body: bytes) -> Reply:
        match asked:
            case ["GET", "domains"]:
                other = {**self._domain("d-1"), "name": "other.example.com"}
                return 200, {"object": "list", "has_more": False, "data": [other, self._domain("d-2")]}
            case ["GET", "domains", "d-2"]:
                return 200, {**self._domain("d-2"), "object": "domain", "records": self._records()}
            case ["PATCH", "domains", "d-2"]:
                self.capabilities |= json.loads(body)["capabilities"]
                return 200, {"object": "domain", "id": "d-2"}
            case ["GET", "emails", "metrics"]:
                names = query["metrics"][0].split(",")
                return 200, {"object": "metrics", "totals": {name: self.counted.get(name, 0) for name in names}}
            case ["GET", "emails"]:
                return 200, {"object": "list", "has_more": False, "data": self.emails}
            case ["POST", "suppressions"]:
                return 201, {"object": "suppression", "id": self._add(json.loads(body)["email"], "manual")}
            case ["GET", "suppressions"]:
                return 200, self._page(query)
            case [verb, "suppressions", who] if who in self.suppressed:
                told = self.suppressed[who] if verb == "GET" else self.suppressed.pop(who)
                return 200, {
                    "object": "suppression",
                    **(told if verb == "GET" else {"id": told["id"], "deleted": True}),
                }
        return 404, {"statusCode": 404, "name": "not_found", "message": "Not found"}

    def _add(self, who: str, origin: str) -> str:
        number = f"s-{len(self.suppressed)}"
        at = "2026-11-06 23:47:56.678+00"
        self.suppressed[who] = {"id": number, "email": who, "origin": origin, "source_id": None, "created_at": at}
        return number

    def _page(self, query: Query) -> dict[str, Any]:
        every, limit = list(self.suppressed.values()), int(query["limit"][0])
        ids = [one["id"] for one in every]
        begin = ids.index(query["after"][0]) + 1 if "after" in query else 0
        return {"object": "list", "has_more": begin + limit < len(every), "data": every[begin : begin + limit]}

    def _domain(self, number: str) -> dict[str, Any]:
        at = "2026-04-26 20:21:26.347412+00"
        return {
            "id": number,
            "name": DOMAIN,
            "status": self.status,
            "created_at": at,
            "capabilities": self.capabilities,
        }

    def _records(self) -> list[dict[str, Any]]:
        found = {"ttl": "Auto", "status": "verified"}
        return [
            {**found, "record": "SPF", "name": "send.mg", "type": "TXT", "value": "v=spf1 include:amazonses.com ~all"},
            {**found, "record": "DKIM", "name": "resend._domainkey.mg", "type": "TXT", "value": "p=MIGf"},
            {
                **found,
                "record": "Tracking",
                "name": "links.mg",
                "type": "CNAME",
                "value": "links.example",
                "status": "failed",
            },
        ]


class SesStandIn(StandIn):
    """An account in one region: version 2 in JSON, and version 1 for the statistics, in XML."""

    unknown = (403, {"message": "The security token included in the request is invalid."})

    def __init__(self) -> None:
        super().__init__()
        self.enabled, self.enforced, self.sent = True, "HEALTHY", 1000.0
        self.points = [(datetime.now(UTC), {"DeliveryAttempts": 1000, "Bounces": 30, "Complaints": 1, "Rejects": 2})]
        self.suppressed = {"gone@example.org": "BOUNCE", "angry@example.org": "COMPLAINT"}
        self.page = 1000

    def knows(self, authorization: str) -> bool:
        return "Credential=AKIDEXAMPLE/" in authorization

    def routed(self, asked: list[str], query: Query, body: bytes) -> Reply:
        match asked:
            case ["POST", ""]:
                return self._statistics(parse_qs(body.decode()))
            case ["GET", "v2", "email", "account"]:
                quota = {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": self.sent}
                told = {"EnforcementStatus": self.enforced, "SendingEnabled": self.enabled, "SendQuota": quota}
                return 200, {**told, "ProductionAccessEnabled": True}
            case ["PUT", "v2", "email", "account", "sending"]:
                self.enabled = json.loads(body)["SendingEnabled"]
                return 200, {}
            case ["GET", "v2", "email", "identities", name] if name == DOMAIN:
                return 200, self._identity()
            case ["GET", "v2", "email", "suppression", "addresses"]:
                return 200, self._page(query)
            case ["PUT", "v2", "email", "suppression", "addresses"]:
                added = json.loads(body)
                self.suppressed[added["EmailAddress"]] = added["Reason"]
                return 200, {}
            case [verb, "v2", "email", "suppression", "addresses", who] if who in self.suppressed:
                reason = self.suppressed[who] if verb == "GET" else self.suppressed.pop(who)
                return 200, {"SuppressedDestination": _destination(who, reason)} if verb == "GET" else {}
        return 404, {"__type": "NotFoundException", "message": "Not found"}

    def _statistics(self, form: Query) -> Reply:
        if form["Action"] != ["GetSendStatistics"]:
            return 400, {}
        members = "".join(
            f"<member><Timestamp>{at:%Y-%m-%dT%H:%M:%SZ}</Timestamp>"
            + "".join(f"<{name}>{escape(str(number))}</{name}>" for name, number in counted.items())
            + "</member>"
            for at, counted in self.points
        )
        return 200, (
            '<GetSendStatisticsResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><GetSendStatisticsResult>'
            f"<SendDataPoints>{members}</SendDataPoints></GetSendStatisticsResult></GetSendStatisticsResponse>"
        ).encode()

    def _identity(self) -> dict[str, Any]:
        dkim = {"SigningEnabled": True, "Status": "SUCCESS", "Tokens": ["abc", "def", "ghi"]}
        dkim |= {"SigningAttributesOrigin": "AWS_SES"}
        told = {"IdentityType": "DOMAIN", "VerifiedForSendingStatus": True, "VerificationStatus": "SUCCESS"}
        return {**told, "DkimAttributes": dkim}

    def _page(self, query: Query) -> dict[str, Any]:
        every, begin = list(self.suppressed.items()), int(query.get("NextToken", ["0"])[0])
        size = min(int(query.get("PageSize", ["1000"])[0]), self.page)
        told: dict[str, Any] = {
            "SuppressedDestinationSummaries": [_destination(*one) for one in every[begin : begin + size]]
        }
        return told | ({"NextToken": str(begin + size)} if begin + size < len(every) else {})


@contextmanager
def serving(standin: StandIn) -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def asked(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, told = standin.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            said = told if isinstance(told, bytes) else b"" if told is None else json.dumps(told).encode()
            standin.seen.append(Exchange(method=self.command, target=self.path, body=body, status=status, answer=said))
            self.send_response(status)
            for name, value in standin.headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = asked  # noqa: N815 - http.server's own names

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    standin.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()


class MailgunStandIn(StandIn):
    """The lab's own, within this process."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.provider = Provider(folder, 0)

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> Reply:
        self.provider.base = self.url
        return self.trouble or self.provider.answer(method, target, authorization, body)


def mailgun_authorization(key: str) -> str:
    return "Basic " + base64.b64encode(f"api:{key}".encode()).decode()


def _entry(at: int, who: str, reason: str, status: str) -> dict[str, Any]:
    return {"created": at, "email": who, "reason": reason, "status": status}


def _filled(day: Mapping[str, int]) -> dict[str, int]:
    drops = {"bounce_drops": 2, "spam_report_drops": 1, "unsubscribe_drops": 0}
    return {"requests": 1000, "processed": 970, "opens": 0, "clicks": 0, **drops, **day}


def _page(found: list[dict[str, Any]], query: Query) -> list[dict[str, Any]]:
    begin = int(query.get("offset", ["0"])[0])
    return found[begin : begin + int(query.get("limit", ["500"])[0])]


def _authenticated(domain: str, *, valid: bool) -> dict[str, Any]:
    names = {"mail_cname": "em1", "dkim1": "s1._domainkey", "dkim2": "s2._domainkey"}
    return {
        "id": 1,
        "user_id": 1,
        "subdomain": "em1",
        "domain": domain,
        "username": "acme",
        "ips": [],
        "custom_spf": False,
        "default": False,
        "legacy": False,
        "automatic_security": True,
        "valid": valid,
        "dns": {
            name: {"valid": valid, "type": "cname", "host": f"{host}.{domain}", "data": "u1.wl1.sendgrid.net"}
            for name, host in names.items()
        },
    }


def _email(number: int, last: str) -> dict[str, Any]:
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
    told = {"id": f"e-{number}", "to": [f"reader{number}@example.org"], "from": "News <news@mg.example.com>"}
    return {**told, "created_at": at, "subject": "News", "last_event": last}


def _destination(who: str, reason: str) -> dict[str, Any]:
    return {"EmailAddress": who, "Reason": reason, "LastUpdateTime": datetime.now(UTC).timestamp()}
