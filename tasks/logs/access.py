"""What we ask about who tries to get in: by account, who guessed right, and who is held back."""

from __future__ import annotations

from collections.abc import Collection

from tasks.amounts import stretch
from tasks.check import check
from tasks.logs.attempts import GUESSED, WITHIN_S, Attempts, attempts
from tasks.logs.looking import remedy, unseen
from tasks.logs.origin import Network, masked, shown
from tasks.logs.system import Logs
from tasks.model import Finding, Row, Threshold, Verdict

SHOWN = 10
ACCOUNT_REFUSED = Threshold(
    warn=20,
    bad=100,
    because="Owner: the team on call. Refused logins to one account within an hour, from wherever. NIST SP 800-63B "
    "allows no more than 100 failed attempts in a row on one account.",
)
GUESSERS = Threshold(
    warn=0.5,
    bad=1,
    because=f"Owner: the team on call. Networks that were refused {GUESSED} times and more, and then let in: a person "
    "asks for a new password before that.",
)
HELD_BACK = Threshold(
    warn=100,
    bad=1000,
    because="Owner: the team on call. Answers 429 to one network within an hour. A program in a loop gets a hundred; a "
    "thousand are somebody who does not listen, or a limit that is too low for a customer.",
)


@check
def check_log_accounts(logs: Logs, refused: Threshold = ACCOUNT_REFUSED) -> Finding:
    """Is somebody trying the passwords of one account, from wherever?

    Of the last hour. Lists of passwords are tried on one account from many addresses, none of which stands out.
    Accounts are shown masked: people type a password where their name belongs.
    """
    return accounts_judged(attempts(logs), refused)


@check
def check_log_guessed(logs: Logs, guessers: Threshold = GUESSERS) -> Finding:
    """Did anybody get in after being refused many times?

    Of the last hour, by network and account, where the log names one; as far as logs tell of logins that worked, in
    words. It is BAD once: whoever guessed a password is inside.
    """
    found = attempts(logs)

    inside = sorted((one for one in found.sources.values() if one.guessed), key=lambda one: -one.guessed)
    rows: list[Row] = [
        {**one.row, "let_in_as": ", ".join(sorted(masked(name) for name in one.let_in)[:5])} for one in inside[:SHOWN]
    ]
    says = (
        f"{shown(inside[0].network)} was refused {_times(inside[0].failed)} and let in {_times(inside[0].worked)}, as "
        f"{rows[0]['let_in_as'] or 'nobody that the log names'}"
        f"{f', and {len(inside) - 1} more networks likewise' if len(inside) > 1 else ''}."
        if inside
        else f"Nobody was let in after {GUESSED} refusals in {stretch(WITHIN_S)}."
    )
    return _finding(found, guessers.judge(len(inside)), says, len(inside), rows)


@check
def check_log_limited(logs: Logs, held_back: Threshold = HELD_BACK) -> Finding:
    """Is anybody held back by our own rate limits, again and again?

    Of the last hour, by network: answers 429, and lines that say a rate limit was hit.
    """
    found = attempts(logs)

    slowed = sorted((one for one in found.sources.values() if one.limited), key=lambda one: -one.limited)
    most = slowed[0].limited if slowed else 0
    limit = f"bad from {held_back.bad:g} an hour of one network"
    says = (
        f"{shown(slowed[0].network)} was held back {_times(most)} in {stretch(WITHIN_S)}, the most of "
        f"{len(slowed):,} ({limit})."
        if slowed
        else f"Nobody was held back in {stretch(WITHIN_S)} ({limit})."
    )
    return _finding(found, held_back.judge(most), says, most, [one.row for one in slowed[:SHOWN]])


def accounts_judged(found: Attempts, refused: Threshold, without: Collection[Network] = ()) -> Finding:
    """What was tried on accounts, but for what came from the networks `without`."""
    tried = sorted(found.by_account(without), key=lambda one: -one.failed)
    most = tried[0].failed if tried else 0
    rows: list[Row] = [
        {
            "account": masked(one.name),
            "failed": one.failed,
            "networks": len(one.networks),
            "from": ", ".join(sorted(shown(network) for network in one.networks)[:3]),
        }
        for one in tried[:SHOWN]
        if refused.judge(one.failed) is not Verdict.OK
    ]
    limit = f"bad from {refused.bad:g} an hour to one account"
    says = (
        f"{masked(tried[0].name)} was refused {_times(most)} in {stretch(WITHIN_S)}, from "
        f"{len(tried[0].networks):,} networks ({limit})."
        if tried
        else f"No login to a named account was refused in {stretch(WITHIN_S)} ({limit})."
    )
    return _finding(found, refused.judge(most), says, most, rows)


def _finding(found: Attempts, verdict: Verdict, says: str, value: float, rows: list[Row]) -> Finding:
    return Finding(
        verdict=max(verdict, *(one.verdict for one in found.looked)),
        says=says + unseen(found.looked),
        value=float(value),
        facts={"failed": found.failed, "address_unknown": found.unknown},
        rows=rows,
        remedy=remedy(found.looked),
    )


def _times(number: int) -> str:
    return f"{number:,} times" if number != 1 else "once"
