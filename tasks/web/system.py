"""What the configuration says of every hosted API, so that a vendor's folder need not say it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field

from tasks.system import System
from tasks.web.exchange import Key, Limits, Place, Tls


def http_url(what: str) -> Callable[[str], str]:
    """A check of an URL in the configuration: `what` it must be, with an example.

    Raises:
        ValueError: no http(s) URL with a host, or one that holds a password.
    """

    def checked(url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"must be {what}")
        if parts.username or parts.password:
            raise ValueError("must hold no password: URLs are shown and logged")
        return url

    return checked


class HostedApi(System):
    """An API over HTTPS. A vendor adds its secret, and overrides `url` with its own address as the default."""

    # An URL with a password in it is refused, and must not be repeated by that.
    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(http_url("the API's address, like https://api.example.com"))]
    # For all attempts and pages of one request together. A question has 20 s (`Check.limit`).
    timeout_s: float = Field(default=10, gt=0, le=60)
    tls: Tls = Tls()

    def place(self, key: Key | None = None, limits: Limits | None = None) -> Place:
        """Where the API is, as configured. What is the vendor's own beyond that it adds with `dataclasses.replace`."""
        limits = limits or Limits(total_s=self.timeout_s)
        return Place(base=self.url.rstrip("/"), key=key, limits=limits, tls=self.tls)
