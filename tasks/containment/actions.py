"""Ways to get somebody out: exactly those logins and those keys, each by its id, and each can be brought back."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.action import Action
from tasks.application.access.logins import (
    KEYS,
    SESSIONS,
    Login,
    brought_back,
    end,
    ended,
    held,
    is_ours,
    named,
    of,
    planned,
)
from tasks.application.system import ApplicationDatabase
from tasks.containment.intruders import intruders
from tasks.logs.checks import LOGINS_OF_ONE
from tasks.logs.system import Logs
from tasks.model import Outcome, Plan, Refused, Risk, Threshold


class RevokeIntruders(Action):
    """Log out whoever is logged in from where passwords are tried.

    Exactly those logins. Whoever of yours shares such an address logs in again; their passwords stay as they are.
    """

    narrows = True

    def plan(self, logs: Logs, application: ApplicationDatabase, of_one: Threshold = LOGINS_OF_ONE) -> Plan:
        found = intruders(logs, application, of_one)
        accounts = len({one.account for one in found.inside})
        does = f"Log out {len(found.inside):,} logins of {accounts:,} accounts, from networks that try passwords."
        return planned(application, SESSIONS, found.inside, does, found.logins, Risk.MODERATE)

    def apply(self, logs: Logs, application: ApplicationDatabase, plan: Plan) -> Outcome:  # noqa: ARG002
        return end(application, plan)

    def applied(self, logs: Logs, application: ApplicationDatabase, plan: Plan) -> bool | None:  # noqa: ARG002
        return ended(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """Exactly those logins can count again."""
        return brought_back(plan, outcome)


class DisableKeysOfIntruders(Action):
    """Disable the API keys of the accounts that are logged in from where passwords are tried.

    Whoever is inside may have taken or made one. Exactly those keys; keys that the configuration calls `ours` never.
    """

    narrows = True

    def plan(self, logs: Logs, application: ApplicationDatabase, of_one: Threshold = LOGINS_OF_ONE) -> Plan:
        found = intruders(logs, application, of_one)
        accounts = sorted({one.account for one in found.inside})
        return _keys(application, accounts, f"of {len(accounts):,} accounts with a login that tries passwords")

    def apply(self, logs: Logs, application: ApplicationDatabase, plan: Plan) -> Outcome:  # noqa: ARG002
        return _disable(application, plan)

    def applied(self, logs: Logs, application: ApplicationDatabase, plan: Plan) -> bool | None:  # noqa: ARG002
        return ended(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """Exactly those keys can be enabled again."""
        return brought_back(plan, outcome)


class RevokeSessions(Action):
    """Log one account out everywhere.

    Exactly the logins that it has now. Its password stays as it is: whoever knows it logs in again.
    """

    narrows = True

    def plan(self, application: ApplicationDatabase, account: str) -> Plan:
        there = of(application, SESSIONS, [account])
        does = f"Log the account {named(account)} out everywhere: {len(there):,} logins."
        return planned(application, SESSIONS, there, does, len(there), Risk.MODERATE)

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return end(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return ended(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """Exactly those logins can count again."""
        return brought_back(plan, outcome)


class DisableKeys(Action):
    """Disable the API keys of one account.

    Exactly those that it has now; one that the configuration calls `ours` is refused: your own services would stop.
    """

    narrows = True

    def plan(self, application: ApplicationDatabase, account: str) -> Plan:
        return _keys(application, [account], f"of the account {named(account)}")

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return _disable(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return ended(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """Exactly those keys can be enabled again."""
        return brought_back(plan, outcome)


def _keys(application: ApplicationDatabase, accounts: Sequence[str], whose: str) -> Plan:
    there = of(application, KEYS, accounts) if accounts else []
    ours = [one for one in there if is_ours(application, one.id, one.account)]
    chosen = [one for one in there if one not in ours]
    if ours and not chosen:
        raise _refused(ours)
    left = f" {len(ours):,} of your own services left as they are." if ours else ""
    does = f"Disable {len(chosen):,} API keys {whose}.{left}"
    return planned(application, KEYS, chosen, does, len(there), Risk.MODERATE)


def _disable(application: ApplicationDatabase, plan: Plan) -> Outcome:
    # Somebody may have named one of them `ours` since it was planned.
    for row in held(application, plan):
        key = str(row["key"])
        if is_ours(application, key, str(row["account"])):
            raise Refused(f"The API key {key} is one of your own services.", remedy="Rotate it instead.")
    return end(application, plan)


def _refused(ours: Sequence[Login]) -> Refused:
    return Refused(
        f"All {len(ours):,} keys are of your own services (`ours`): disabled, those would stop.",
        remedy="Rotate them: make a new key, give it to the service, then revoke the old one by hand.",
    )
