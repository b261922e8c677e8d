"""Amazon SES, by boto3 (`pip install 'incident-pipelines[aws]'`), which signs as Amazon wants it and knows its models.

SES counts for the whole account in a region, and tells of single mails by notifications only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from tasks.mail_provider.reading import address, shown
from tasks.mail_provider.told import (
    Allowance,
    Cause,
    DnsRecord,
    Knock,
    Sending,
    SendingDomain,
    Standing,
    Suppressed,
    Suppressions,
    Switch,
    Volume,
)
from tasks.mail_provider.vendor import Vendor
from tasks.model import CannotLook, Json, Refused
from tasks.web.reading import moment, not_as_documented, number, rows, table, text

PAGE = 1000
COUNTED = ("DeliveryAttempts", "Bounces", "Complaints", "Rejects")
TOO_MANY = 429
MISSING = "NotFoundException"
# What botocore's parsers raise depends on where the shape leaves its model; ResponseParserError is only the politest.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
CAUSES = {"BOUNCE": Cause.BOUNCE, "COMPLAINT": Cause.COMPLAINT}
DKIM = {"SUCCESS": True, "FAILED": False, "TEMPORARY_FAILURE": False}
ENFORCED = {"HEALTHY": Sending.OPEN, "PROBATION": Sending.REVIEWED, "SHUTDOWN": Sending.STOPPED}
SENDING = "PUT /v2/email/account/sending"


class Ses(Vendor):
    """An account at Amazon SES, in one region."""

    name: ClassVar[str] = "Amazon SES"
    puts: ClassVar[tuple[Cause, str]] = (Cause.BOUNCE, "")

    def knock(self) -> Knock:
        begun = time.monotonic()
        with self._speaking():
            from botocore.exceptions import ClientError

            try:
                # What is no JSON at all botocore hands on as an answer with nothing in it.
                status, says, known = 200, "", "SendingEnabled" in self._v2.get_account()
            except ClientError as error:
                told = error.response
                status = int(told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
                says = self._hidden(_said(error))
                # A page of somebody else's has no code that botocore could read but its status.
                known = not says.startswith(str(status))
        return Knock(
            line="GET /v2/email/account",
            status=status,
            says=says,
            took_s=time.monotonic() - begun,
            is_json=known,
        )

    def volume(self, since: datetime) -> Volume:
        with self._speaking():
            points = rows(self._v1.get_send_statistics().get("SendDataPoints"))
        counted = [point for point in points if (at := moment(point.get("Timestamp"))) is not None and at >= since]
        told = {name: sum(self._count(point.get(name), name) for point in counted) for name in COUNTED}
        return Volume(
            since=since,
            whose=f"the whole account in {self.account.region}",
            attempted=told["DeliveryAttempts"],
            bounced=told["Bounces"],
            unsent=told["Rejects"],
            complaints=told["Complaints"],
        )

    def domain(self) -> SendingDomain:
        with self._speaking():
            told = table(self._v2.get_email_identity(EmailIdentity=self.account.domain))
        if "VerifiedForSendingStatus" not in told:
            raise not_as_documented(self.name, "the identity does not tell whether it may send")
        dkim, status = table(told.get("DkimAttributes")), text(told.get("VerificationStatus"))
        why = text(table(told.get("VerificationInfo")).get("ErrorType"))
        zone = text(dkim.get("SigningHostedZone")) or "dkim.amazonses.com"
        own = dkim.get("SigningAttributesOrigin") == "EXTERNAL"
        tokens = dkim.get("Tokens")
        return SendingDomain(
            name=self.account.domain,
            verified=told.get("VerifiedForSendingStatus") is True,
            state=", ".join(filter(None, (status.lower() or "unknown", why))),
            disabled="",
            records=tuple(
                DnsRecord(
                    name=f"{text(token)}._domainkey.{self.account.domain}",
                    type="CNAME",
                    value=f"{text(token)}.{zone}",
                    found=DKIM.get(text(dkim.get("Status"))),
                )
                for token in (tokens if isinstance(tokens, list) and not own else [])
            ),
        )

    def standing(self) -> Standing:
        told = self._account()
        enforced = text(told.get("EnforcementStatus"))
        # A word that is new to us is nothing to feel safe with.
        state = ENFORCED.get(enforced, Sending.REVIEWED)
        if state is not Sending.STOPPED and told.get("SendingEnabled") is not True:
            state = Sending.PAUSED
        sandbox = "" if told.get("ProductionAccessEnabled") is True else ", and it is in the sandbox"
        enabled = "enabled" if told.get("SendingEnabled") is True else "disabled"
        return Standing(
            sending=state, says=f"the account is {enforced or 'of no known state'}, sending is {enabled}{sandbox}"
        )

    def allowances(self) -> tuple[Allowance, ...]:
        quota = table(self._account().get("SendQuota"))
        limit, sent = number(quota.get("Max24HourSend")), number(quota.get("SentLast24Hours"))
        # -1 is no limit.
        if not limit or sent is None:
            return ()
        return (Allowance(what="mails in 24 h", limit=limit, left=max(limit - sent, 0.0)),)

    def suppressions(self, most: int) -> Suppressions:
        found: list[Suppressed] = []
        mark: dict[str, str] = {}
        while True:
            with self._speaking():
                told = table(self._v2.list_suppressed_destinations(PageSize=PAGE, **mark))
            found += [one for item in rows(told.get("SuppressedDestinationSummaries")) if (one := _suppressed(item))]
            following = told.get("NextToken")
            if not isinstance(following, str) or not following or len(found) >= most:
                return Suppressions(found=tuple(found), whole=not following)
            mark = {"NextToken": following}

    def is_suppressed(self, address: str) -> bool:
        return self._changed("get_suppressed_destination", address)

    def suppress(self, addresses: Sequence[str]) -> None:
        for one in addresses:
            with self._speaking():
                self._v2.put_suppressed_destination(EmailAddress=one, Reason="BOUNCE")

    def release(self, one: Suppressed) -> None:
        self._changed("delete_suppressed_destination", one.address)

    def suppress_line(self, shown: str) -> str:
        return f"PUT /v2/email/suppression/addresses  {shown}"

    def release_line(self, one: Suppressed, shown: str) -> str:  # noqa: ARG002
        return f"DELETE /v2/email/suppression/addresses/{shown}"

    def switch(self) -> Switch:
        return Switch(
            holds_up=f"everything that the whole account sends in {self.account.region}",
            pause_line=f'{SENDING}  {{"SendingEnabled": false}}',
            resume_line=f'{SENDING}  {{"SendingEnabled": true}}',
        )

    def is_paused(self) -> bool:
        return self._account()["SendingEnabled"] is not True

    def pause(self) -> None:
        with self._speaking():
            self._v2.put_account_sending_attributes(SendingEnabled=False)

    def resume(self) -> None:
        with self._speaking():
            self._v2.put_account_sending_attributes(SendingEnabled=True)

    def _account(self) -> Any:
        with self._speaking():
            told = table(self._v2.get_account())
        if "SendingEnabled" not in told:
            raise not_as_documented(self.name, "the account does not tell whether sending is enabled")
        return told

    def _changed(self, verb: str, address: str) -> bool:
        """Is, or was, it there?"""
        with self._speaking():
            from botocore.exceptions import ClientError

            try:
                getattr(self._v2, verb)(EmailAddress=address)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == MISSING:
                    return False
                raise
            return True

    def _count(self, value: Json, name: str) -> int:
        counted = number(value)
        if counted is None:
            raise not_as_documented(self.name, f"{name} is no number")
        return int(counted)

    @cached_property
    def _v1(self) -> Any:
        # Only the first version counts mails without VDM, which costs extra.
        return self._client("ses")

    @cached_property
    def _v2(self) -> Any:
        return self._client("sesv2")

    def _client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        place = self.account.place
        settings = Config(
            connect_timeout=place.limits.connect_s,
            read_timeout=place.limits.total_s / 2,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
        keys = {}
        if self.account.access_key is not None:
            keys["aws_access_key_id"] = self.account.access_key.get_secret_value()
            keys["aws_secret_access_key"] = self.account.key.get_secret_value()
        # Not boto3's own session, which goes on with the first key it ever saw.
        session = boto3.Session(**keys, region_name=self.account.region)
        verify = str(place.tls.ca_file) if place.tls.ca_file else place.tls.verify
        return session.client(service, endpoint_url=place.base or None, config=settings, verify=verify)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """What Amazon, or its library, refuses becomes one clean sentence.

        Raises:
            CannotLook, Refused: that sentence.
        """
        try:
            from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
            from botocore.parsers import ResponseParserError
        except ImportError:
            raise Refused("Amazon SES: boto3 is not installed.", remedy="pip install 'boto3>=1.44,<2'") from None
        try:
            yield
        except NoCredentialsError:
            raise Refused("Amazon SES: no key.", remedy="Give `access_key` and `key`, or the worker a role.") from None
        except ClientError as error:
            raise self._refusal(error) from None
        except BotoCoreError as error:
            says = self._hidden(text(str(error)))
            raise CannotLook(f"Amazon SES: {says.rstrip('.')}.", remedy="Check `region` and `url`.") from None
        except (ResponseParserError, *UNREADABLE):
            raise not_as_documented(self.name, "the answer cannot be read") from None

    def _refusal(self, error: Any) -> CannotLook:
        told = error.response
        status = int(told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        says = f"Amazon SES answers {status}: “{self._hidden(_said(error))}”."
        if status == TOO_MANY or status >= 500 or told.get("Error", {}).get("Code") == "Throttling":
            return CannotLook(says)
        return Refused(says, remedy="Look at the key, its rights (ses:Get*, ses:List*, ses:Put*), `region`, `domain`.")

    def _hidden(self, says: str) -> str:
        for secret in (self.account.key, self.account.access_key):
            if secret is not None and secret.get_secret_value():
                says = says.replace(secret.get_secret_value(), "•••")
        return says


def _said(error: Any) -> str:
    told = error.response.get("Error", {})
    return shown(": ".join(filter(None, (text(told.get("Code")), text(told.get("Message"))))))


def _suppressed(item: Any) -> Suppressed | None:
    who, cause = address(item.get("EmailAddress")), CAUSES.get(text(item.get("Reason")))
    if who is None or cause is None:
        return None
    return Suppressed(address=who, cause=cause, since=moment(item.get("LastUpdateTime")))
