"""Ways to break the way of alerts in a drill: a sender with a wrong secret."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pydantic import SecretStr

from tasks import secret_file
from tasks.fault import Fault
from tasks.intake.system import AlertIntake, Sender
from tasks.model import Refused

NOUN = "secret"


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the sender had before."""

    sender: Sender
    secret: SecretStr


class WrongSecret(Fault):
    """Give a sender of alerts a wrong secret.

    It shows as soon as that sender has something to send; the lab's sends whenever its secret changes.
    """

    def cause(self, intake: AlertIntake) -> Held:
        if not intake.senders:
            raise Refused(
                "No sender's secret can be changed: none is named under `senders`.",
                remedy='senders.NAME = { secret_file = "/path/that/it/reads", secret = "${SECRET}" }',
            )
        sender = intake.senders[min(intake.senders)]
        held = Held(sender=sender, secret=secret_file.read(sender.secret_file, NOUN))
        secret_file.put(sender.secret_file, SecretStr(secrets.token_hex(24)), NOUN)
        return held

    def cure(self, trouble: Held) -> None:
        file = trouble.sender.secret_file
        if secret_file.read(file, NOUN).get_secret_value() != trouble.secret.get_secret_value():
            secret_file.put(file, trouble.secret, NOUN)
