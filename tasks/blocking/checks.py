"""What we ask about those who are to be kept out: does anybody still try, and is anybody kept out too long?"""

from __future__ import annotations

import time

from tasks.amounts import stretch
from tasks.blocking.attackers import attackers, covering, judged
from tasks.blocking.system import Blocking
from tasks.check import check
from tasks.logs.access import ACCOUNT_REFUSED, accounts_judged
from tasks.logs.attempts import attempts
from tasks.logs.checks import LOGINS_OF_ONE
from tasks.logs.looking import remedy, unseen
from tasks.logs.origin import shown
from tasks.logs.system import Logs
from tasks.model import Finding, Threshold, Verdict

SHOWN = 10
OVERDUE = Threshold(
    warn=600,
    bad=90_000,
    because="Owner: the team on call. Seconds for which a block counts longer than it was approved for. They are "
    "lifted once a day; whoever has that address by now is somebody else.",
)


@check
def check_attackers(logs: Logs, blocking: Blocking, of_one: Threshold = LOGINS_OF_ONE) -> Finding:
    """Does anybody try passwords who is not kept out?

    Refused logins of the last hour, by the network that they came from; whoever was let in after many is bad alone. Who
    is blocked does not count, unless logins from there are still refused a minute after: the block does not hold.
    """
    found = attackers(logs, blocking, of_one)

    most = max((one.failed for one in (*found.free, *found.through)), default=0)
    worst = max((judged(one, of_one) for one in found.free), default=Verdict.OK)
    limit = f"bad from {of_one.bad:g} an hour from one"
    kept = f" {len(found.kept_out) - len(found.through):,} kept out already." if found.kept_out else ""
    if found.through:
        first = found.through[0]
        says = f"{shown(first.network)} is blocked, and was refused after that, too: the block does not hold ({limit})."
    elif found.free:
        first = found.free[0]
        others = f", and {len(found.free) - 1:,} more" if len(found.free) > 1 else ""
        then = ", and then let in" if first.guessed else ""
        says = (
            f"{shown(first.network)} was refused {first.failed:,} times within an hour{then}{others} ({limit}).{kept}"
        )
    else:
        says = f"Nobody tries passwords who is not kept out ({limit}).{kept}"
    unclear = f" {found.seen.unknown:,} refusals tell no address." if found.seen.unknown else ""
    looked = found.seen.looked
    return Finding(
        verdict=max(Verdict.BAD if found.through else worst, *(one.verdict for one in looked)),
        says=f"{says}{unclear}{unseen(looked)}",
        value=float(most),
        facts={"refused": found.seen.failed, "address_unknown": found.seen.unknown, "kept_out": len(found.kept_out)},
        rows=[one.row for one in (*found.through, *found.free)][:SHOWN],
        remedy=remedy(looked),
    )


@check
def check_accounts_tried(logs: Logs, blocking: Blocking, refused: Threshold = ACCOUNT_REFUSED) -> Finding:
    """Is one account tried again and again, from wherever, by those who are not kept out?

    Refused logins of the last hour by account, without those from networks that are blocked. Passwords are tried on one
    account from many addresses, none of which stands out. Accounts are shown masked.
    """
    seen, there = attempts(logs), [one for one in blocking.blocks() if not one.is_over]

    blocked = {network for network in seen.sources if covering(network, there)}
    return accounts_judged(seen, refused, without=blocked)


@check
def check_blocks_over(blocking: Blocking, overdue: Threshold = OVERDUE) -> Finding:
    """Is anybody kept out for longer than was approved?

    Of the blocks that an incident made. Those of others have no end that we know of, and a firewall ends its own.
    """
    there = blocking.blocks()

    over = sorted((one for one in there if one.is_over), key=lambda one: one.until_s or 0)
    long_s = time.time() - (over[0].until_s or 0) if over else 0.0
    says = (
        f"{shown(over[0].network)} is kept out {stretch(long_s)} longer than was approved"
        f"{f', and {len(over) - 1:,} more are' if len(over) > 1 else ''} (bad from {stretch(overdue.bad)})."
        if over
        else f"None of {len(there):,} blocks counts longer than was approved."
    )
    return Finding(
        verdict=overdue.judge(long_s),
        says=says,
        value=long_s,
        unit="s",
        rows=[{"network": shown(one.network)} for one in over[:SHOWN]],
    )
