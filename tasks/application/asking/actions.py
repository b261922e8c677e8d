"""How many requests to a vendor the application makes at once: fewer, while the vendor has too much of them."""

from __future__ import annotations

from typing import ClassVar

from tasks.action import Action
from tasks.application.control.actions import (
    PutSettingsBack,
    SettingChange,
    changes_of,
    is_set,
    plan_of,
    set_as_planned,
)
from tasks.application.control.settings import at_once
from tasks.application.system import ApplicationDatabase
from tasks.claude.system import Claude
from tasks.grok.system import Grok
from tasks.model import Outcome, Plan
from tasks.unipile.system import Unipile

NOUN = "settings that govern how much is asked at once"
LOSES = "What waits for answers waits longer."
# One at a time is the least: none at all is an outage of our own making.
LEAST = 1


class SlowDown(Action):
    """Have the application ask half as much at once."""

    vendor: ClassVar[str]
    said: ClassVar[str]

    def plan(self, application: ApplicationDatabase) -> Plan:
        now = at_once(application, self.vendor)
        half = int(now.value) // 2
        if half < LEAST:
            does = (
                f"Nothing to do: the application makes {now.value} request to {self.said} at once, and fewer is none."
            )
            return plan_of(application, (), does, noun=NOUN)
        change = SettingChange(setting=now.key, was=now.value, value=str(half))
        does = f"Let the application make {half:,} requests to {self.said} at once instead of {int(now.value):,}."
        return plan_of(application, (change,), does, LOSES, noun=NOUN)

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return set_as_planned(application, plan, f"{self.said} had too much at once.")

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return is_set(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """The limit can be put back as it was."""
        return PutSettingsBack(changes_of(plan))


class SlowDownClaude(SlowDown):
    """Have the application ask Claude half as much at once.

    For as long as Anthropic holds it back. Its headers say how much it takes; set the limit to that when it is known.
    """

    vendor = Claude.kind
    said = "Claude"


class SlowDownClaudeInOverload(SlowDownClaude):
    """Have the application ask Claude half as much at once while Anthropic is overloaded.

    An overload is everybody's. Whoever asks on at full pace only has more refused, and uses up its attempts.
    """


class SlowDownClaudeForPace(SlowDownClaude):
    """Have the application ask Claude half as much at once while its answers are slow.

    Fewer at once are answered sooner each; what times out is paid for all the same.
    """


class SlowDownUnipile(SlowDown):
    """Have the application ask Unipile half as much at once.

    For as long as it is held back. What LinkedIn allows an account is less than what Unipile takes from us.
    """

    vendor = Unipile.kind
    said = "Unipile"


class SlowDownUnipileInTimeOuts(SlowDownUnipile):
    """Have the application ask Unipile half as much at once while its answers time out.

    A message whose request timed out may have been sent: look before it is sent again.
    """


class SlowDownGrok(SlowDown):
    """Have the application ask Grok half as much at once.

    For as long as x.ai holds it back. Enrichment goes on, more slowly.
    """

    vendor = Grok.kind
    said = "Grok"
