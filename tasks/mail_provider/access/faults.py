"""Ways to make a mail provider ill that lets itself be told to (`drill_file`), as the lab's does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tasks import drill_file, secret_file
from tasks.fault import Fault
from tasks.mail_provider.system import MailProvider
from tasks.model import Json


@dataclass(frozen=True, kw_only=True)
class Told:
    """What it was told by which file, and the key that was in use then."""

    provider: MailProvider
    file: Path
    key: SecretStr


class _Told(Fault):
    """Tell the provider what to do, by a file that it reads before each answer."""

    def _tell(self, provider: MailProvider, **what: Json) -> Told:
        key = provider.key_now()
        return Told(provider=provider, file=drill_file.tell(provider.drill_file, "This mail provider", what), key=key)

    def cure(self, trouble: Told) -> None:
        provider = trouble.provider
        trouble.file.unlink(missing_ok=True)
        if provider.key_file is not None and provider.key_now() != trouble.key:
            secret_file.put(provider.key_file, trouble.key, "key")
        # What the step has paused, the next rehearsal would find paused.
        api = provider.api()
        if api.is_paused():
            api.resume()


class RevokeKey(_Told):
    """Revoke the key that the application uses."""

    def cause(self, mail_provider: MailProvider) -> Told:
        key = mail_provider.key_now().get_secret_value()
        return self._tell(mail_provider, revoked=[hashlib.sha256(key.encode()).hexdigest()])


class LimitRequests(_Told):
    """Answer 429 until the sender asks no more."""

    def cause(self, mail_provider: MailProvider) -> Told:
        return self._tell(mail_provider, limited=True)


class FailRequests(_Told):
    """Answer 503 until the sender asks no more."""

    def cause(self, mail_provider: MailProvider) -> Told:
        return self._tell(mail_provider, status=503)
