"""What the doors to mail servers share: where, how safely, and as whom; and a password that a file may hold."""

from __future__ import annotations

import ipaddress
import ssl
from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from tasks import secret_file
from tasks.excerpt import excerpt
from tasks.model import Refused
from tasks.system import System

# Of what a server says, in a sentence.
SPOKEN = 200

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$", max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
# starttls: plain at first, and secured before anything is said that matters. implicit: secured from the first byte.
Security = Literal["starttls", "implicit", "none"]
Username = Annotated[str, Field(min_length=1, max_length=320, pattern=r"^[^\x00-\x1f\x7f]+$")]
# As it stands in an envelope: no display name, no quotes, no comment.
Mailbox = Annotated[str, Field(max_length=254, pattern=r'^[^\s<>()",;:\\\[\]@\x00-\x1f\x7f]+@[A-Za-z0-9.-]+$')]


class MailServer(System):
    """A mail server, and an account there.

    The password stands in the environment, or in a file that whoever sends mail reads, too: then a person may have the
    spare one put in its place (tasks/mail/spare.py).
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    host: Host
    port: Port
    security: Security
    username: Username | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    # A second one that the server accepts already.
    spare_password: SecretStr | None = None
    # Where certificates are of a private authority: the only ones that are believed then.
    ca_file: Path | None = None
    # Read by a server that can be told to be ill, as the lab's is. Never set it in production.
    drill_file: Path | None = None
    # For one look with all it says, in seconds. Greeting late is how some servers keep spammers off.
    limit_s: float = Field(default=10, gt=0, le=15)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        secrets = (self.password, self.password_file)
        if all(secrets):
            raise ValueError("`password` and `password_file` both name the password: leave one out")
        if self.username and not any(secrets):
            raise ValueError("`username` without a password: add `password` or `password_file`")
        if any(secrets) and not self.username:
            raise ValueError("a password without `username`")
        if self.spare_password and not self.password_file:
            raise ValueError("`spare_password` without a place: add `password_file`, which your application reads")
        if self.username and self.security == "none" and not _is_local(self.host):
            raise ValueError('with security = "none" the password would pass in clear: write "starttls" or "implicit"')
        return self

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def password_key(self) -> str:
        """The setting that the password in use comes from, for remedies."""
        return f"password_file ({self.password_file})" if self.password_file else "password"

    def secret(self) -> SecretStr:
        """The password as it is now.

        Raises:
            Refused: its file cannot be used.
        """
        if self.password_file is None:
            return self.password or SecretStr("")
        return secret_file.read(self.password_file, "password")

    @property
    def written(self) -> int:
        """When the password's file was last written or put in its place; 0 where none is there."""
        try:
            return self.password_file.stat().st_ctime_ns if self.password_file else 0
        except OSError:
            return 0

    def trusted(self) -> ssl.SSLContext:
        """Whom we believe about who the server is.

        Raises:
            Refused: `ca_file` cannot be used.
        """
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise Refused(
                f"The authority for {self.address} cannot be used: {error.strerror or error}.",
                remedy=f"Look at {self.ca_file}: PEM, readable by whoever runs this.",
            ) from None

    @abstractmethod
    def accepts(self, password: SecretStr) -> bool:
        """Does the server let `username` in with this password? One attempt.

        Raises:
            CannotLook: it was not got as far as that.
        """
        raise NotImplementedError


def quoted(heard: str, *sent: str) -> str:
    """What a server said, as a sentence may hold it, without the secrets that it was sent: it may repeat them."""
    for secret in sent:
        heard = heard.replace(secret, "•••") if secret else heard
    return f"“{excerpt(heard, SPOKEN)}”"


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
