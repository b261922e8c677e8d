"""Telling people: one message to one target, by the way its address names. A failure is an answer, not an error."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from pydantic import SecretStr

# Every line of its log may quote an address, and addresses hold tokens.
logging.getLogger("apprise").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Target:
    """Where somebody is told: an Apprise address (mailto://…, slack://…, json://…), which holds a secret."""

    url: SecretStr

    @property
    def id(self) -> str:
        """Tells targets apart without telling the address."""
        return hashlib.sha256(self.url.get_secret_value().encode()).hexdigest()[:12]

    @property
    def shown(self) -> str:
        """The way, and which of several. Everything else in an address may be a token, the host too."""
        way = self.url.get_secret_value().partition("://")[0]
        return f"{way if way.isalnum() else 'an address nobody can read'} ({self.id})"

    def send(self, title: str, text: str) -> bool:
        """Hand the message over. False: it was not taken, for whatever reason; ask again later."""
        from apprise import Apprise, NotifyFormat

        one = Apprise()
        # A target of its own: with several in one object nobody knows which of them failed.
        if not one.add(self.url.get_secret_value()):
            return False
        for way in one:
            # Mail would be HTML otherwise, in which an alert's text could be a picture or a link.
            way.notify_format = NotifyFormat.TEXT
        return bool(one.notify(title=" ".join(title.split()), body=text, body_format=NotifyFormat.TEXT))
