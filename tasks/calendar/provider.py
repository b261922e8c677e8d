"""What can be asked of Google's and Microsoft's OAuth without a user: where they are documented, we name the source.

No token of a user is ever used here. Microsoft gives a new refresh token with each use, so a use of ours would take the
user's from the application; and what a live token would tell, the application's own errors tell as well. The client is
judged by a refresh token that is none (RFC 6749, 5.2): the server looks at the client first, and then at the token.
"""

from __future__ import annotations

import base64
import binascii
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Json, Refused
from tasks.oauth import reasons
from tasks.oauth.reasons import Reason, of_answer, of_text
from tasks.web.door import Door
from tasks.web.exchange import Answer, Place, Request, bearer

ANY_STATUS = range(100, 600)
# No server gave it to anybody.
NO_TOKEN = "incident-pipelines-asks-with-no-token"  # noqa: S105
LONGEST_SAID = 300
# What an error page holds that Google or Microsoft shows to a browser; it is a page, and no promise.
MOST_PAGE = 200_000


@dataclass(frozen=True, kw_only=True)
class Account:
    """Our client there. `base` replaces the vendor's own hosts: for a stand-in."""

    place: Place
    client_id: str
    tenant: str = ""
    base: str = ""


@dataclass(frozen=True, kw_only=True)
class Knock:
    """What came back to a question about the client. `reason`: None where nothing is wrong."""

    asked: str
    status: int
    says: str
    reason: Reason | None


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """The published configuration, and what in it is otherwise than it should be."""

    url: str
    amiss: tuple[str, ...]


class Provider(ABC):
    """A vendor's endpoints. Every method may raise CannotLook or Refused."""

    name: ClassVar[str]

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    @abstractmethod
    def discovery_url(self) -> str:
        """OpenID Connect Discovery 1.0, 4."""

    @property
    @abstractmethod
    def endpoints(self) -> Mapping[str, str]:
        """By their names in the published configuration: the addresses that are used here."""

    @property
    @abstractmethod
    def calendar_url(self) -> str:
        """What lists a user's calendars."""

    @abstractmethod
    def asks_client(self, secret: SecretStr) -> Mapping[str, str]:
        """The form by which the token endpoint judges our client, and no user."""

    @abstractmethod
    def redirect_refused(self, answer: Answer) -> Reason | None:
        """What the authorization endpoint says of a redirect URI; None where it says nothing against it.

        Raises:
            CannotLook: it says nothing that could be read.
        """

    def discovery(self) -> Discovery:
        """Is it published, and is it what is used here?

        Raises:
            CannotLook: no answer, or none of its. Refused: there is no such tenant.
        """
        answer = self._ask(Request(url=self.discovery_url, taken=ANY_STATUS))
        if answer.status >= 400:
            reason = of_answer(answer.body)
            if reason is reasons.TENANT:
                raise Refused(f"{self.name} knows no tenant {self.account.tenant!r}.", remedy="Correct `tenant`.")
            raise CannotLook(f"{self.name} answers {answer.status} to {self.discovery_url}.")
        told = answer.body if isinstance(answer.body, Mapping) else {}
        amiss = [f"no {name}" for name in ("issuer", *self.endpoints) if not isinstance(told.get(name), str)]
        for name, ours in self.endpoints.items():
            theirs = str(told.get(name, ""))
            if theirs and _where(theirs) != _where(ours):
                amiss.append(f"{name} is {excerpt(theirs, 120)}, and not {ours}")
        return Discovery(url=self.discovery_url, amiss=tuple(amiss))

    def client(self, secret: SecretStr) -> Knock:
        """Does it know our client id, and take this secret?

        Raises:
            CannotLook: no answer.
        """
        url, form = self.endpoints["token_endpoint"], self.asks_client(secret)
        answer = self._ask(Request(url=url, method="POST", form=form, reads=True, taken=ANY_STATUS, fresh=True))
        return self._knocked(f"POST {url}", answer, secret)

    def redirect(self, uri: str, scopes: str) -> Knock:
        """Is this redirect URI one of those that are registered? Asked as a browser would begin, and no further.

        Raises:
            CannotLook: no answer, or none that could be read.
        """
        url = self.endpoints["authorization_endpoint"]
        params = {
            "client_id": self.account.client_id,
            "redirect_uri": uri,
            "response_type": "code",
            "scope": scopes,
            # Nobody is signed in here, and nobody is to be asked for anything.
            "prompt": "none",
            "state": "incident-pipelines",
        }
        answer = self._ask(Request(url=url, params=params, taken=ANY_STATUS, fresh=True), redirects=0)
        reason = self.redirect_refused(answer)
        return Knock(asked=f"GET {url}", status=answer.status, says=reason.means if reason else "", reason=reason)

    def calendar(self) -> Answer:
        """Its calendar API, asked without a token: that it wants one is an answer.

        Raises:
            CannotLook: no answer.
        """
        return self._ask(Request(url=self.calendar_url, taken=ANY_STATUS, fresh=True))

    def _knocked(self, asked: str, answer: Answer, secret: SecretStr) -> Knock:
        told = answer.body if isinstance(answer.body, Mapping) else {}
        said = " ".join(str(told[name]) for name in ("error", "error_description") if isinstance(told.get(name), str))
        says = excerpt(bearer(secret).hidden_in(said).replace(NO_TOKEN, "…"), LONGEST_SAID)
        if answer.is_success:
            return Knock(asked=asked, status=answer.status, says="", reason=None)
        if answer.status >= 500 or answer.status == 429 or not told:
            raise CannotLook(f"{self.name} answers {answer.status} to {asked}: that says nothing about our client.")
        reason = of_answer(answer.body)
        # The token that is none was looked at: so the client was taken.
        return Knock(asked=asked, status=answer.status, says=says, reason=None if _of_token(told, reason) else reason)

    def _ask(self, request: Request, redirects: int | None = None) -> Answer:
        parts = urlsplit(request.url)
        place = replace(self.account.place, base=f"{parts.scheme}://{parts.netloc}")
        if redirects is not None:
            place = replace(place, limits=replace(place.limits, redirects=redirects))
        return (door := Door(place=place, words=_silent, name=self.name)).answer(request, door.until())


class Google(Provider):
    """Google: https://developers.google.com/identity/protocols/oauth2/web-server and its published configuration."""

    name = "Google"

    @property
    def discovery_url(self) -> str:
        return f"{self._at('https://accounts.google.com')}/.well-known/openid-configuration"

    @property
    def endpoints(self) -> Mapping[str, str]:
        return {
            "authorization_endpoint": f"{self._at('https://accounts.google.com')}/o/oauth2/v2/auth",
            "token_endpoint": f"{self._at('https://oauth2.googleapis.com')}/token",
        }

    @property
    def calendar_url(self) -> str:
        return f"{self._at('https://www.googleapis.com')}/calendar/v3/users/me/calendarList?maxResults=1"

    def asks_client(self, secret: SecretStr) -> Mapping[str, str]:
        return {
            "grant_type": "refresh_token",
            "client_id": self.account.client_id,
            "client_secret": secret.get_secret_value(),
            "refresh_token": NO_TOKEN,
        }

    def redirect_refused(self, answer: Answer) -> Reason | None:
        """It sends a browser on: to its sign-in, back to us, or to a page of errors, whose name is in the address."""
        if not 300 <= answer.status < 400:
            raise CannotLook(f"{self.name} answers {answer.status} where it sends browsers on.")
        error = parse_qs(urlsplit(answer.headers.get("location", "")).query).get("authError", [""])[0]
        if not error:
            return None
        return of_text(_decoded(error))

    def _at(self, host: str) -> str:
        return self.account.base or host


class Microsoft(Provider):
    """Microsoft Entra: https://learn.microsoft.com/entra/identity-platform/reference-error-codes and its configuration.

    With a tenant of our own the client asks for itself; without one (`common`) by a refresh token that is none.
    """

    name = "Microsoft"
    # Tenants that stand for many: nobody can ask them for a client of one.
    SHARED = ("common", "organizations", "consumers")

    @property
    def discovery_url(self) -> str:
        return f"{self._login}/{self._tenant}/v2.0/.well-known/openid-configuration"

    @property
    def endpoints(self) -> Mapping[str, str]:
        return {
            "authorization_endpoint": f"{self._login}/{self._tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self._login}/{self._tenant}/oauth2/v2.0/token",
        }

    @property
    def calendar_url(self) -> str:
        return f"{self.account.base or 'https://graph.microsoft.com'}/v1.0/me/calendars?$top=1"

    def asks_client(self, secret: SecretStr) -> Mapping[str, str]:
        client = {"client_id": self.account.client_id, "client_secret": secret.get_secret_value()}
        if self._tenant in self.SHARED:
            return {**client, "grant_type": "refresh_token", "refresh_token": NO_TOKEN, "scope": "openid"}
        return {**client, "grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}

    def redirect_refused(self, answer: Answer) -> Reason | None:
        """It shows a page of its own with the number in it, or sends the browser back with the error that we want."""
        page = answer.text[:MOST_PAGE] + answer.headers.get("location", "")
        found = [one for one in (of_text(number) for number in re.findall(r"AADSTS\d{4,8}", page)) if one.about_client]
        if found:
            return found[0]
        if not 200 <= answer.status < 400:
            raise CannotLook(f"{self.name} answers {answer.status} where it shows its sign-in.")
        return None

    @property
    def _login(self) -> str:
        return self.account.base or "https://login.microsoftonline.com"

    @property
    def _tenant(self) -> str:
        return self.account.tenant or "common"


PROVIDERS: Mapping[str, type[Provider]] = {"google": Google, "microsoft": Microsoft}


def _silent(status: int, body: Json) -> CannotLook | None:  # noqa: ARG001 - every status is taken
    return None


def _of_token(told: Mapping[str, Json], reason: Reason) -> bool:
    return told.get("error") == "invalid_grant" and not reason.about_client


def _where(url: str) -> tuple[str, str, str]:
    """Scheme, host and path; of a path that names a tenant, what stands behind it: there may be a name or an id."""
    parts = urlsplit(url)
    behind = parts.path.partition("/oauth2/v2.0/")
    return parts.scheme, parts.netloc, behind[2] or parts.path


def _decoded(error: str) -> str:
    """What an address carries in base64, as far as it is text; and as it stands there."""
    text = error[: 4 * LONGEST_SAID].replace(" ", "+")
    try:
        read = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return text
    return f"{read} {text}"
