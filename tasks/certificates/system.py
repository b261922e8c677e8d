"""The door to the certificates of this machine, and to the team's own command that renews them."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar, Self

from cryptography import x509
from pydantic import Field, SecretStr, model_validator

from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.program import Ran, run
from tasks.system import System


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate in a file: for whom, and until when."""

    file: str
    names: tuple[str, ...]
    ends: datetime


class Certificates(System):
    """Files with certificates (the first in each counts), and the command that renews what ends soon.

    What is served is another question: a server reads its files when it is reloaded, by a hook of the command.
    """

    kind: ClassVar[str] = "certificates"
    config_lines: ClassVar[str] = (
        'files = "/etc/letsencrypt/live/*/cert.pem"\n'
        'renew = ["certbot", "renew", "--non-interactive", "--no-random-sleep-on-renew"]  # its deploy hooks reload'
    )

    files: str = Field(min_length=1)
    renew: Annotated[tuple[str, ...], Field(min_length=1)]
    environment: Mapping[str, SecretStr] = Field(default_factory=dict)
    limit_s: float = Field(default=600, gt=0, le=3600)

    @model_validator(mode="after")
    def _renews(self) -> Self:
        # 4-31: it saves nothing, by definition, and ends with 0.
        if dry := [word for word in self.renew if word in ("--dry-run", "--staging", "--test-cert")]:
            raise ValueError(f"renew: {dry[0]} renews nothing that anybody accepts; remove it")
        return self

    @property
    def line(self) -> str:
        """What an operator would type."""
        return shlex.join(self.renew)

    def there(self) -> list[Certificate]:
        """The certificates, those that end first before the others.

        Raises:
            Refused: there are none, or a file holds none; CannotLook: one cannot be read.
        """
        found = [_read(Path(name)) for name in sorted(glob.glob(self.files))]  # noqa: PTH207 - a whole path with its pattern
        if not found:
            raise Refused(
                f"There is no certificate at {self.files}.",
                remedy="Correct `files`; the worker must run where they lie, as somebody who may look there.",
            )
        return sorted(found, key=lambda one: (one.ends, one.file))

    def renewed(self) -> Ran:
        """Run the command.

        Raises:
            ProgramFailed, ProgramTookTooLong, Refused: as `tasks.program.run`.
        """
        given = {name: value.get_secret_value() for name, value in self.environment.items()}
        return run(self.renew, limit_s=self.limit_s, environment=given)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            found = self.there()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        first = f"{found[0].file} ends first, {found[0].ends:%Y-%m-%d}"
        yield Finding(verdict=Verdict.OK, says=f"{len(found)} certificates at {self.files}; {first}.")


def _read(file: Path) -> Certificate:
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except OSError as error:
        raise CannotLook(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, IndexError) as error:
        raise Refused(f"{file} holds no certificate.", remedy="Correct `files`.") from error
    return Certificate(file=str(file), names=_names(found), ends=found.not_valid_after_utc)


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        told = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(told.get_values_for_type(x509.DNSName))
