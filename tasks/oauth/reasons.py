"""Why an OAuth server says no: what it means, who can do something about it, and whether the token is gone for good.

By the error's name (RFC 6749, 5.2), by what Google writes beside it, and by Microsoft's numbers (AADSTS…). One name
stands for many things: `invalid_grant` is said of a token that was revoked, has expired, was never theirs, or wants a
second factor; only some of them are cured by authorising again. Where that is not said for certain, no token is dead:
clearing one cannot be taken back.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.model import Json

# An error is a line or two; behind that stand trace ids.
LONGEST_SAID = 2_000
_NUMBER = re.compile(r"AADSTS(\d{4,8})\b")
_NAME = re.compile(r"[a-z][a-z_]{3,40}")


class Who(enum.StrEnum):
    """Who can do something about it."""

    US = "us"
    USER = "the user"
    ADMIN = "the user's administrator"
    PROVIDER = "the provider"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """What an error means. `dead`: the refresh token will never be taken again; `about_client`: ours is not known."""

    name: str
    means: str
    who: Who
    dead: bool = False
    about_client: bool = False


CLIENT = Reason(
    name="client refused", means="client id or secret is wrong, or was removed", who=Who.US, about_client=True
)
EXPIRED_SECRET = Reason(name="secret expired", means="the client secret has expired", who=Who.US, about_client=True)
NO_APP = Reason(
    name="unknown client", means="the application is not known in this tenant", who=Who.US, about_client=True
)
REDIRECT = Reason(
    name="redirect mismatch", means="the redirect URI is not among the registered ones", who=Who.US, about_client=True
)
TENANT = Reason(name="wrong tenant", means="there is no such tenant", who=Who.US, about_client=True)
SCOPE = Reason(name="wrong scope", means="a scope or resource that was asked for does not exist", who=Who.US)
REQUEST = Reason(
    name="bad request", means="the request is malformed, which says nothing of token or secret", who=Who.US
)
REVOKED = Reason(
    name="revoked or expired",
    means="the grant was revoked, or has expired (unused, too many of them, an app in testing)",
    who=Who.USER,
    dead=True,
)
EXPIRED = Reason(
    name="token expired", means="the refresh token has expired, unused for too long", who=Who.USER, dead=True
)
PASSWORD = Reason(
    name="password changed", means="the grant ended because the password was changed or reset", who=Who.USER, dead=True
)
# Not dead: where the application was given another client's id by mistake, every token is refused so, and all are good.
FOREIGN = Reason(name="token unknown", means="the token is malformed, or belongs to another client", who=Who.US)
# Not dead: said, too, where more was asked for than the user agreed to, or of a new consent that was not given.
CONSENT = Reason(name="consent missing", means="consent was withdrawn, or never given", who=Who.USER)
FACTOR = Reason(
    name="second factor", means="the user has to sign in again with a second factor; the token is good", who=Who.USER
)
POLICY = Reason(name="policy", means="a policy of the user's organisation blocks us; the token is good", who=Who.ADMIN)
TROUBLE = Reason(name="provider in trouble", means="the provider is in trouble itself", who=Who.PROVIDER)
UNCLEAR = Reason(name="unclear", means="an error of which nothing is known", who=Who.US)

# Microsoft Entra's numbers; they say more than the name beside them.
BY_NUMBER: Mapping[int, Reason] = {
    700016: NO_APP,
    7000215: CLIENT,
    7000222: EXPIRED_SECRET,
    50011: REDIRECT,
    90002: TENANT,
    500011: SCOPE,
    9002313: REQUEST,
    70000: FOREIGN,
    70008: EXPIRED,
    700082: EXPIRED,
    50173: PASSWORD,
    65001: CONSENT,
    50072: FACTOR,
    50074: FACTOR,
    50076: FACTOR,
    50078: FACTOR,
    50079: FACTOR,
    53000: POLICY,
    53001: POLICY,
    53002: POLICY,
    53003: POLICY,
}
# RFC 6749's names, Google's own, and those of OpenID Connect.
BY_NAME: Mapping[str, Reason] = {
    "invalid_client": CLIENT,
    "deleted_client": CLIENT,
    "unauthorized_client": CLIENT,
    "redirect_uri_mismatch": REDIRECT,
    "invalid_request": REQUEST,
    "invalid_scope": SCOPE,
    "access_denied": CONSENT,
    "consent_required": CONSENT,
    "interaction_required": FACTOR,
    # Google Workspace, where an administrator has users sign in again every few hours.
    "invalid_rapt": FACTOR,
    "admin_policy_enforced": POLICY,
    "org_internal": POLICY,
    "server_error": TROUBLE,
    "temporarily_unavailable": TROUBLE,
}


def of_answer(body: Json) -> Reason:
    """What the body of a refused request means; anything that is no such body is unclear."""
    told = body if isinstance(body, Mapping) else {}
    numbers = told.get("error_codes")
    for number in numbers if isinstance(numbers, list) else []:
        if isinstance(number, int) and number in BY_NUMBER:
            return BY_NUMBER[number]
    name, description = str(told.get("error", ""))[:LONGEST_SAID], str(told.get("error_description", ""))
    return of_text(f"{name}: {description}")


def of_text(said: str) -> Reason:
    """What an error means that an application wrote down: the name, the description, or both, in whatever order."""
    said = said[:LONGEST_SAID]
    numbers = [int(found[1]) for found in _NUMBER.finditer(said)]
    if known := next((BY_NUMBER[one] for one in numbers if one in BY_NUMBER), None):
        return known
    lowered = said.lower()
    names = set(_NAME.findall(lowered))
    if known := next((reason for name, reason in BY_NAME.items() if name in names), None):
        return known
    # Most of Microsoft's numbers come with invalid_grant; of one that is not known here it says nothing.
    if "invalid_grant" not in names or numbers:
        return UNCLEAR
    # Google, of a token that is none of theirs, or is another client's.
    return FOREIGN if "bad request" in lowered or "malformed" in lowered else REVOKED
