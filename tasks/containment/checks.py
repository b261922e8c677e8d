"""What we ask of logs and of the application's logins together: is anybody in, and is an account rid of them?"""

from __future__ import annotations

from tasks.application.access.logins import KEYS, SESSIONS, is_ours, named, of
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.containment.intruders import intruders
from tasks.logs.checks import LOGINS_OF_ONE
from tasks.logs.looking import remedy, unseen
from tasks.logs.origin import shown
from tasks.logs.system import Logs
from tasks.model import Finding, Threshold, Verdict

SHOWN = 10


@check
def check_intruders(logs: Logs, application: ApplicationDatabase, of_one: Threshold = LOGINS_OF_ONE) -> Finding:
    """Is anybody logged in from where passwords are tried?

    Logins of the application that were used within the last hour, from a network that was refused as often as `of_one`
    calls bad. Whoever shares that address with an attacker is among them.
    """
    found = intruders(logs, application, of_one)

    accounts = sorted({one.account for one in found.inside})
    looked = found.seen.looked
    first = found.inside[0] if found.inside else None
    says = (
        f"{len(found.inside):,} logins of {len(accounts):,} accounts go on from networks that try passwords, one of "
        f"{named(first.account)} from {shown(first.address) if first.address else 'somewhere'}."
        if first
        else f"None of {found.logins:,} logins comes from one of {len(found.networks):,} networks that try passwords."
    )
    return Finding(
        verdict=max(Verdict.BAD if first else Verdict.OK, *(one.verdict for one in looked)),
        says=says + unseen(looked),
        value=float(len(found.inside)),
        unit="logins",
        rows=[one.shown for one in found.inside[:SHOWN]],
        remedy=remedy(looked),
    )


@check
def check_account_known(application: ApplicationDatabase, account: str = "") -> Finding:
    """Has the account any login or key that counts?"""
    logins, keys = len(of(application, SESSIONS, [account])), len(of(application, KEYS, [account]))
    return Finding(
        verdict=Verdict.OK if logins + keys else Verdict.WARN,
        says=f"The account {named(account)} has {logins:,} logins and {keys:,} API keys that count."
        f"{'' if logins + keys else ' Is that its id?'}",
        value=float(logins + keys),
    )


@check
def check_account_contained(application: ApplicationDatabase, account: str = "") -> Finding:
    """Is the account logged out everywhere, and is none of its keys left but our own?"""
    logins = of(application, SESSIONS, [account])
    keys = [one for one in of(application, KEYS, [account]) if not is_ours(application, one.id, one.account)]
    left = [*logins, *keys]
    return Finding(
        verdict=Verdict.BAD if left else Verdict.OK,
        says=f"The account {named(account)} still has {len(logins):,} logins and {len(keys):,} API keys that count."
        if left
        else f"The account {named(account)} has no login and no API key that counts.",
        value=float(len(left)),
        rows=[one.shown for one in left[:SHOWN]],
    )
