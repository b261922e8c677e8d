"""Mails to users, drafted from what was found. Nothing here sends one: a person reads it, fills it in, and does."""

from __future__ import annotations

import re

from tasks.mail.addresses import masked
from tasks.oauth.reasons import Reason

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']{1,128}@[A-Za-z0-9.-]{1,255}")
# What looks like a token in words that an application wrote down: long, and no word of any language.
_TOKEN = re.compile(r"(?:ya29\.|1//|0\.A|eyJ|M\.C)[\w./+=-]{8,}|(?=[\w.-]*\d)[\w-]{32,}")
NAMES = {"google": "Google", "microsoft": "Microsoft", "outlook": "Microsoft", "office365": "Microsoft"}
# Where a user sees what we may do, and takes it away.
GRANTS = {
    "Google": "https://myaccount.google.com/connections",
    "Microsoft": "https://myapps.microsoft.com",
}
# What a user is told of a reason; who needs no more than the button is told no more.
_ABOUT = {
    "revoked or expired": "Its permission for us was withdrawn, or has run out.",
    "token expired": "It was not used for a long time, and its permission has run out.",
    "password changed": "Your password there was changed, which ends all permissions.",
}
_STEPS = {
    "domain": "We looked for the DNS records of your domain, and did not find them as they have to be. Compare them, "
    "letter by letter, with those on the page “Domain”; there may be one SPF record only. It can take hours until a "
    "change is seen everywhere; then press “Check again”.",
    "calendar": "Your calendar could not be connected. Open “Settings, Calendar”, press “Connect”, sign in with the "
    "account whose calendar it is, and agree to all that is asked for.",
    "inbox": "We could not log in to your mailbox. Check server, port and name on the page “Mailbox”; where your "
    "provider wants a second factor, make an app password there and use that one.",
}


def shown(text: str) -> str:
    """Words of an application without addresses and without what may be a token."""
    return _ADDRESS.sub(lambda found: masked(found[0]), _TOKEN.sub("•••", text))


def provider_name(provider: str) -> str:
    """As people call it."""
    return NAMES.get(provider.lower(), provider.capitalize() or "Your calendar's provider")


def authorise_draft(provider: str, reason: Reason) -> str:
    """To a user whose calendar has to be connected again."""
    name = provider_name(provider)
    about = _ABOUT.get(reason.name, f"{name} does not let us in any more.")
    grants = f"\n3. If it fails: remove our entry at {GRANTS[name]}, and connect once more." if name in GRANTS else ""
    return f"""\
Subject: Please connect your {name} calendar again

Hello,

your {name} calendar is not connected any more. {about} Nothing of yours is lost.

1. Open “Settings, Calendar” and press “Connect {name}”.
2. Sign in with the account whose calendar it is, and agree to all that is asked for.{grants}

If it does not work, answer to this mail."""


def step_draft(step: str, kind: str) -> str:
    """To a user who stands at a step that failed."""
    known = next((text for name, text in _STEPS.items() if name in step.lower()), "")
    what = known or f"The step “{step}” did not work ({kind}). Please open it and try again."
    return f"""\
Draft of a mail to those at the step {step!r}; nothing is sent:

Subject: Your set-up: one step is left

Hello,

{what}

If it does not work, answer to this mail, and we do it together."""
