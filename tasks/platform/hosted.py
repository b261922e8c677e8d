"""What doors to hosted platforms share: the token, the status page, and what the doctor asks."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, SecretStr

from tasks.model import CannotLook, Finding, Json, Refused, Verdict
from tasks.platform.platform import Platform
from tasks.status_page.system import StatusPage
from tasks.web.reading import text
from tasks.web.system import HostedApi

# Ids go into URLs. Those of Vercel, Cloudflare and Fly are letters, digits, dashes and underscores.
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class HostedApiWithToken(HostedApi):
    """A hosted API that knows us by a token. `status_url` is its vendor's status page; empty: we know of none."""

    # How sentences call it, and what a person does about a token that it refuses.
    said: ClassVar[str]
    about_tokens: ClassVar[str]

    token: SecretStr = Field(max_length=4096)
    status_url: str = ""
    # The parts of the status page that are used here. None: the page as a whole, which says less.
    status_components: tuple[str, ...] = ()

    @abstractmethod
    def known_as(self) -> str:
        """What the token lets us see, in a sentence.

        Raises:
            CannotLook, Refused: it does not let us.
        """

    @property
    def status_page(self) -> StatusPage:
        """The vendor's own status page.

        Raises:
            Refused: none is known.
        """
        if not self.status_url:
            raise Refused(f"{self.said} has no status page that we know.", remedy='status_url = "https://…"')
        return StatusPage(
            url=self.status_url, components=self.status_components, timeout_s=min(self.timeout_s, 30), tls=self.tls
        )

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            yield Finding(verdict=Verdict.OK, says=self.known_as())
        except Refused as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy or self.about_tokens)
        except CannotLook as error:
            yield Finding.unknown(error.says, remedy=error.remedy)


class HostedPlatform(Platform, HostedApiWithToken):
    """A platform that is asked and told over HTTPS."""


def identifier(value: Json) -> str:
    """An id that may go into an URL; empty where it is none."""
    found = text(value)
    return found if _ID.fullmatch(found) else ""


# As with Platform: said when none is configured, and none can be.
HostedPlatform.kind = "platform"
HostedPlatform.config_lines = Platform.config_lines
