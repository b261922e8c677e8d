"""Ways to give a vendor too much of our application, where a stand-in lets itself be told to, as the lab's does."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.application.control.faults import Kept
from tasks.application.control.settings import at_once
from tasks.application.system import ApplicationDatabase
from tasks.claude.system import Claude
from tasks.fault import Fault
from tasks.grok.system import Grok
from tasks.model import Json
from tasks.paid_api.api import PaidApi
from tasks.paid_api.faults import Told, tell, untell
from tasks.unipile.system import Unipile

# Longer than the lab's own limit for a slow answer, and far shorter than a question's.
SLOW_S = 4.0


@dataclass(frozen=True)
class TooMuch:
    """What a vendor was told, and the application's settings before."""

    told: Told
    kept: Kept


def _too_much(api: PaidApi, application: ApplicationDatabase, status: int = 0, wait_s: float = 0) -> TooMuch:
    """It lasts for as long as the application asks more at once than half of what it does now."""
    now = at_once(application, api.kind)
    busy: Json = {"setting": now.key, "most": int(now.value) // 2, "as": status, "wait_s": wait_s}
    return TooMuch(told=tell(api, busy=busy), kept=Kept.of(application))


class _TooMuch(Fault):
    """Give a vendor too much of our application."""

    def cure(self, trouble: TooMuch) -> None:
        untell(trouble.told)
        trouble.kept.put_back()


class LimitClaude(_TooMuch):
    """Have Anthropic hold the application back."""

    def cause(self, claude: Claude, application: ApplicationDatabase) -> TooMuch:
        return _too_much(claude, application, status=429)


class OverloadClaude(_TooMuch):
    """Have Anthropic overloaded."""

    def cause(self, claude: Claude, application: ApplicationDatabase) -> TooMuch:
        return _too_much(claude, application, status=529)


class SlowClaude(_TooMuch):
    """Have Claude answer slowly."""

    def cause(self, claude: Claude, application: ApplicationDatabase) -> TooMuch:
        return _too_much(claude, application, wait_s=SLOW_S)


class LimitUnipile(_TooMuch):
    """Have Unipile hold the application back."""

    def cause(self, unipile: Unipile, application: ApplicationDatabase) -> TooMuch:
        return _too_much(unipile, application, status=429)


class TimeOutUnipile(_TooMuch):
    """Have Unipile's way to LinkedIn time out."""

    def cause(self, unipile: Unipile, application: ApplicationDatabase) -> TooMuch:
        return _too_much(unipile, application, status=504)


class LimitGrok(_TooMuch):
    """Have x.ai hold the application back."""

    def cause(self, grok: Grok, application: ApplicationDatabase) -> TooMuch:
        return _too_much(grok, application, status=429)
