"""The door to the OAuth servers of calendars: Google and Microsoft, each with our client there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from tasks import secret_file
from tasks.calendar.provider import PROVIDERS, Account, Provider
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System
from tasks.web.exchange import Limits, Place, Tls
from tasks.web.system import http_url

SECRET, REDIRECT = "secret", "redirect"
# Google: https://developers.google.com/workspace/calendar/api/auth; Microsoft: Graph's delegated permissions.
SCOPES = {
    "google": "https://www.googleapis.com/auth/calendar.readonly",
    "microsoft": "offline_access https://graph.microsoft.com/Calendars.Read",
}


def _no_fragment(url: str) -> str:
    """RFC 6749, 3.1.2: absolute, and without a fragment."""
    http_url("the address that users are sent back to, like https://app.example.com/oauth/callback")(url)
    if "#" in url:
        raise ValueError("must have no fragment (RFC 6749, 3.1.2)")
    return url


Redirect = Annotated[str, Field(max_length=2000), AfterValidator(_no_fragment)]


class Client(BaseModel):
    """Our client at one vendor.

    `redirect_uri` is the one that is registered there; `redirect_file`, where the application finds the one it sends.
    `secret` is the client secret, or `secret_file` the file in which the application finds it; `spare_secret` is a
    second one that the vendor takes already.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    vendor: Literal["google", "microsoft"]
    client_id: str = Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")
    secret: SecretStr | None = None
    secret_file: Path | None = None
    spare_secret: SecretStr | None = None
    # Microsoft's end on a day that its page tells; Google's do not.
    secret_expires: date | None = None
    redirect_uri: Redirect
    redirect_file: Path | None = None
    tenant: str = Field(default="", pattern=r"^[A-Za-z0-9.-]{0,253}$")
    scopes: str = Field(default="", max_length=2000)
    # Where the vendor's own hosts are not meant: a stand-in.
    url: str = ""

    @model_validator(mode="after")
    def _possible(self) -> Client:
        if (self.secret is None) == (self.secret_file is None):
            raise ValueError("give `secret` or `secret_file`, one of them")
        if self.spare_secret is not None and self.secret_file is None:
            raise ValueError("`spare_secret` without `secret_file`: say in which file the application finds its secret")
        if self.tenant and self.vendor != "microsoft":
            raise ValueError("only Microsoft has a `tenant`")
        if self.url:
            http_url("the stand-in's address")(self.url)
        return self

    @property
    def name(self) -> str:
        """The vendor's name, for sentences."""
        return PROVIDERS[self.vendor].name

    def secret_now(self) -> SecretStr:
        """The secret in use.

        Raises:
            Refused: it cannot be read from its file.
        """
        return secret_file.read(self.secret_file, SECRET) if self.secret_file else self.secret or SecretStr("")

    def redirect_now(self) -> str:
        """The redirect URI that the application sends.

        Raises:
            Refused: it cannot be read from its file.
        """
        if self.redirect_file is None:
            return self.redirect_uri
        return secret_file.read(self.redirect_file, REDIRECT).get_secret_value()

    def asked_scopes(self) -> str:
        return self.scopes or SCOPES[self.vendor]


class Calendar(System):
    """The OAuth servers by which users connect their calendars. No token of a user is used or shown here."""

    kind: ClassVar[str] = "calendar"
    config_lines: ClassVar[str] = (
        "clients = [\n"
        '    { vendor = "google", client_id = "…apps.googleusercontent.com", secret = "${GOOGLE_CLIENT_SECRET}",\n'
        '      redirect_uri = "https://app.example.com/oauth/google/callback" },\n'
        '    { vendor = "microsoft", tenant = "common", client_id = "…", secret = "${MICROSOFT_CLIENT_SECRET}",\n'
        '      redirect_uri = "https://app.example.com/oauth/microsoft/callback", secret_expires = 2027-06-30 },\n'
        "]"
    )
    model_config = ConfigDict(hide_input_in_errors=True)

    clients: Annotated[tuple[Client, ...], Field(min_length=1, max_length=10)]
    timeout_s: float = Field(default=8, gt=0, le=60)
    tls: Tls = Tls()
    # Read by a stand-in that can be told to be ill, as the lab's is. Never set it in production.
    drill_file: Path | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Calendar:
        seen = [(client.vendor, client.client_id) for client in self.clients]
        if len(set(seen)) < len(seen):
            raise ValueError("two `clients` are the same: a vendor's client stands here once")
        return self

    def at(self, client: Client) -> Provider:
        """The vendor of this client."""
        host = urlsplit(client.url)
        place = Place(
            base=f"{host.scheme}://{host.netloc}" if client.url else "https://vendor.invalid",
            limits=Limits(total_s=self.timeout_s, attempts=2),
            tls=self.tls,
        )
        account = Account(place=place, client_id=client.client_id, tenant=client.tenant, base=client.url.rstrip("/"))
        return PROVIDERS[client.vendor](account)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        for client in self.clients:
            try:
                knock = self.at(client).client(client.secret_now())
            except CannotLook as error:
                bad = Verdict.BAD if isinstance(error, Refused) else Verdict.UNKNOWN
                yield Finding(verdict=bad, says=error.says, remedy=error.remedy)
                continue
            if knock.reason is None:
                yield Finding(verdict=Verdict.OK, says=f"{client.name} takes our client.")
            else:
                yield Finding(verdict=Verdict.BAD, says=f"{client.name} refuses our client: {knock.reason.means}.")
