"""A way to have addresses bounce at a mail provider that lets itself be told to (`drill_file`), as the lab's does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks import drill_file
from tasks.fault import Fault
from tasks.mail_provider.addresses.listed import listed, same
from tasks.mail_provider.system import MailProvider
from tasks.mail_provider.told import Suppressed

# Of the 1,200 mails that arrive in the lab each hour: 5.5 %, above what is bad, and no more than one plan suppresses.
DEAD = 70


@dataclass(frozen=True, kw_only=True)
class Mailed:
    """What it was told by which file, and whom it sent nothing to before."""

    provider: MailProvider
    file: Path
    before: Mapping[str, Suppressed]


class MailDeadAddresses(Fault):
    """Go on mailing addresses that do not exist."""

    def cause(self, mail_provider: MailProvider) -> Mailed:
        before = _suppressed(mail_provider)
        file = drill_file.tell(mail_provider.drill_file, "This mail provider", {"dead": DEAD})
        return Mailed(provider=mail_provider, file=file, before=before)

    def cure(self, trouble: Mailed) -> None:
        trouble.file.unlink(missing_ok=True)
        # Whom the step has suppressed, the next rehearsal would not mail.
        api = trouble.provider.api()
        for key, one in _suppressed(trouble.provider).items():
            if key not in trouble.before:
                api.release(one)


def _suppressed(mail_provider: MailProvider) -> dict[str, Suppressed]:
    return {same(one.address): one for one in listed(mail_provider.api()).found}
