"""The door to a mail provider: one kind of system, whoever the vendor is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from tasks import secret_file
from tasks.mail_provider import mailgun, resend, sendgrid
from tasks.mail_provider.mailgun import Mailgun
from tasks.mail_provider.resend import Resend
from tasks.mail_provider.sendgrid import SendGrid
from tasks.mail_provider.ses import Ses
from tasks.mail_provider.vendor import Account, Vendor
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.spare_key import Tried
from tasks.web.exchange import Limits
from tasks.web.system import HostedApi, http_url

VENDORS: dict[str, type[Vendor]] = {"mailgun": Mailgun, "sendgrid": SendGrid, "resend": Resend, "ses": Ses}
# Where each has its API, by region; Amazon's follows from the region by itself.
ADDRESSES = {"mailgun": mailgun.REGIONS, "sendgrid": sendgrid.REGIONS, "resend": resend.REGIONS}
REFUSED_KEY = (401, 403)
# Resend lists a hundred addresses a page.
PAGES = 50
DOMAIN = r"^[a-z0-9_]([a-z0-9_-]{0,62}\.)*[a-z0-9_-]{1,63}\.[a-z][a-z0-9-]{1,62}$"


def _address(url: str) -> str:
    return http_url("the API's address, like https://api.eu.mailgun.net")(url) if url else url


class MailProvider(HostedApi):
    """Who sends our mails: Mailgun, SendGrid, Resend or Amazon SES.

    `key` is the API key (of Amazon the secret one, beside `access_key`); where an application reads it from a file,
    `key_file` names that, and `spare_key` may take its place. `region` is `us` or `eu`, or Amazon's. `subaccount` is
    Mailgun's id of it, or SendGrid's subuser: those two pause nothing less than that.
    """

    kind: ClassVar[str] = "mail_provider"
    config_lines: ClassVar[str] = (
        'vendor = "mailgun"                      # sendgrid, resend, ses\n'
        'domain = "mg.example.com"\n'
        'key = "${MAIL_PROVIDER_KEY}"            # one that may read: a key for sending only tells nothing'
    )
    model_config = ConfigDict(hide_input_in_errors=True)

    vendor: Literal["mailgun", "sendgrid", "resend", "ses"]
    domain: Annotated[str, Field(max_length=253, pattern=DOMAIN)]
    # Where the vendor's own is not meant: a stand-in, a proxy.
    url: Annotated[str, AfterValidator(_address)] = ""
    key: SecretStr | None = None
    key_file: Path | None = None
    spare_key: SecretStr | None = None
    access_key: SecretStr | None = None
    region: str = Field(default="", pattern=r"^[a-z0-9-]{0,32}$")
    subaccount: str = Field(default="", max_length=128)
    # Read by a stand-in that can be told to be ill, as the lab's is. Never set it in production.
    drill_file: Path | None = None

    @model_validator(mode="after")
    def _possible(self) -> MailProvider:
        if self.key is not None and self.key_file is not None:
            raise ValueError("give `key` or `key_file`, not both")
        if self.spare_key is not None and self.key_file is None:
            raise ValueError("`spare_key` without `key_file`: say in which file the application finds its key")
        if self.vendor == "ses":
            if not self.region:
                raise ValueError('Amazon SES needs `region`, like "eu-west-1"')
            if self.key_file is not None:
                raise ValueError("Amazon's keys come in pairs: `key_file` holds one, and is not for them")
            if (self.key is None) != (self.access_key is None):
                raise ValueError("Amazon SES needs `access_key` and `key`, or neither where the worker has a role")
            return self
        if self.key is None and self.key_file is None:
            raise ValueError("`key` is missing, or `key_file`")
        if self._region not in ADDRESSES[self.vendor]:
            known = ", ".join(repr(name) for name in ADDRESSES[self.vendor] if name)
            raise ValueError(f"`region` is none of {self.vendor}'s: {known or 'leave it out'}")
        return self

    def api(self, key: SecretStr | None = None) -> Vendor:
        """The vendor's API, with the configured key as it is now, or with another one.

        Raises:
            Refused: the key cannot be read from its file.
        """
        base = self.url or ADDRESSES.get(self.vendor, {}).get(self._region, "")
        limits = Limits(total_s=self.timeout_s, pages=PAGES)
        account = Account(
            place=replace(self.place(limits=limits), base=base.rstrip("/")),
            key=key or self.key_now(),
            domain=self.domain,
            part=self.subaccount,
            region=self.region,
            access_key=self.access_key,
        )
        return VENDORS[self.vendor](account)

    def key_now(self) -> SecretStr:
        """The key in use.

        Raises:
            Refused: it cannot be read from its file.
        """
        return secret_file.read(self.key_file, "key") if self.key_file is not None else self.key or SecretStr("")

    def try_key(self, key: SecretStr) -> Tried:
        """Knock with this key.

        Raises:
            CannotLook: nothing came back.
        """
        knock = self.api(key).knock()
        refused = knock.status in REFUSED_KEY and not knock.restricted
        return Tried(line=knock.line, status=knock.status, says=knock.says, taken=knock.taken, refused=refused)

    @property
    def said(self) -> str:
        """The vendor's name, for sentences."""
        return VENDORS[self.vendor].name

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            knock = self.api().knock()
        except CannotLook as error:
            bad = Verdict.BAD if isinstance(error, Refused) else Verdict.UNKNOWN
            yield Finding(verdict=bad, says=error.says, remedy=error.remedy)
            return
        if knock.restricted:
            yield Finding.unknown(
                f"{self.said} knows this key, and lets it do nothing but send.",
                remedy="Give a key that may read; the application keeps its own.",
            )
            return
        says = f"{self.said} answers {knock.status}" + (f": “{knock.says}”." if knock.says else ".")
        yield Finding(verdict=Verdict.OK if knock.status == 200 else Verdict.BAD, says=says)

    @property
    def _region(self) -> str:
        return self.region or ("" if self.vendor == "resend" else "us")
