"""What we ask about who is logged in."""

from __future__ import annotations

from collections import defaultdict

from tasks.application.access.logins import Login, lately, named
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.logs.origin import Network, shown
from tasks.model import Finding, Row, Threshold

SHOWN = 10
NETWORKS_OF_ONE = Threshold(
    warn=5,
    bad=15,
    because="Owner: the team on call. Networks from which one account was used within an hour: home, office, telephone "
    "and a train are four; fifteen are an account that is shared, or stolen.",
)


@check
def check_account_spread(application: ApplicationDatabase, networks: Threshold = NETWORKS_OF_ONE) -> Finding:
    """Is any account used from more places at once than a person is at?

    Of the logins that were used within the last hour and count; an IPv6 address counts with its /64.
    """
    there = lately(application)

    by: dict[str, dict[Network, Login]] = defaultdict(dict)
    for one in there:
        if one.address is not None:
            by[one.account].setdefault(one.address, one)
    spread = sorted(by.items(), key=lambda one: -len(one[1]))
    most = len(spread[0][1]) if spread else 0
    limit = f"bad from {networks.bad:g}"
    rows: list[Row] = [
        {
            "account": named(account),
            "networks": len(places),
            "from": ", ".join(sorted(shown(one) for one in places)[:3]),
        }
        for account, places in spread[:SHOWN]
        if networks.judge(len(places))
    ]
    return Finding(
        verdict=networks.judge(most),
        says=f"The account {named(spread[0][0])} was used from {most:,} networks within an hour ({limit}); "
        f"{len(there):,} logins go on."
        if spread
        else f"Nobody was logged in within the last hour ({limit}).",
        value=float(most),
        unit="networks",
        rows=rows,
    )
