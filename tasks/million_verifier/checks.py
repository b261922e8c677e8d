"""What we ask MillionVerifier: is it up, does it take our key, and how many addresses can still be verified?"""

from __future__ import annotations

from tasks.check import check
from tasks.million_verifier.system import MillionVerifier
from tasks.model import Finding, Threshold, Verdict
from tasks.paid_api import judged
from tasks.paid_api.told import Standing

CREDITS = Threshold(
    warn=5000,
    bad=500,
    because="Owner: the team on call. One address, one credit: 5,000 are some days of new prospects, 500 are gone "
    "before anybody has bought more. Without them prospects stay as they are, or are written to unverified.",
)


@check
def check_million_verifier_answers(million_verifier: MillionVerifier) -> Finding:
    """Does MillionVerifier's API answer, and is it not in trouble?

    It has no status page that we know. No address is verified for this. Asked up to three times.
    """
    return judged.answers(million_verifier.said, million_verifier.knock())


@check
def check_million_verifier_key(million_verifier: MillionVerifier) -> Finding:
    """Does MillionVerifier take our key?

    It refuses one with a 200 and a word: the word is read.
    """
    return judged.takes_key(million_verifier.said, million_verifier.knock(), million_verifier.about_keys)


@check
def check_million_verifier_credits(million_verifier: MillionVerifier, credits_left: Threshold = CREDITS) -> Finding:
    """How many addresses can MillionVerifier still verify for us?"""
    knock = million_verifier.knock()
    if knock.standing is Standing.NO_CREDIT:
        return judged.has_credit(million_verifier.said, knock, "Buy credits in its account.", "")
    left = million_verifier.credits()
    verdict = credits_left.judge(left)
    return Finding(
        verdict=verdict,
        says=f"MillionVerifier has {left:,.0f} credits left for us (bad up to {credits_left.bad:,.0f}).",
        value=left,
        unit="credits",
        facts=judged.seen(knock),
        remedy="Buy credits in its account." if verdict is not Verdict.OK else "",
    )
