"""Do the names of the website lead to addresses? Kept small: it asks the door in tasks/dns and judges."""

from __future__ import annotations

import ipaddress

from tasks.dns.system import Looked, Outcome, Resolver
from tasks.model import Row, Verdict

# Answered by every machine itself (RFC 6761): no name server is asked for it.
OWN = "localhost"
KINDS = ("A", "AAAA")

SAID = {
    Outcome.NO_SUCH_NAME: (Verdict.BAD, "does not exist (NXDOMAIN): the record was removed, or the domain has lapsed"),
    Outcome.NO_SUCH_RECORD: (Verdict.BAD, "exists, but has no address (NODATA): its A and AAAA records are gone"),
    Outcome.BOGUS: (
        Verdict.BAD,
        "cannot be resolved by whoever validates (DNSSEC failure): its signatures or its DS record are wrong",
    ),
    Outcome.FAILED: (
        Verdict.BAD,
        "cannot be resolved (SERVFAIL): its domain's own name servers are silent, or its DNSSEC signatures wrong",
    ),
    Outcome.REFUSED: (Verdict.UNKNOWN, "is not looked up for us (REFUSED): the resolver does not serve this machine"),
    Outcome.TIMED_OUT: (Verdict.UNKNOWN, "was not answered in time: the resolver, or the way to it, is down"),
    Outcome.NONSENSE: (Verdict.UNKNOWN, "got an answer that cannot be read"),
}


def has_to_be_resolved(host: str) -> bool:
    """Is it a name that name servers know? No address, and not the machine itself."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".").rpartition(".")[2] != OWN
    return False


def resolved(resolver: Resolver, host: str) -> Row:
    """`host` with its addresses, or what was said in their place, and what that means.

    Raises:
        CannotLook: there is no resolver.
    """
    looked = [resolver.look(host, kind) for kind in KINDS]
    addresses = [record for one in looked for record in one.records]
    if addresses:
        # One kind is enough for visitors; of the other, only trouble is news.
        trouble = [
            one for one in looked if one.outcome in (Outcome.BOGUS, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.REFUSED)
        ]
        verdict = Verdict.WARN if trouble else Verdict.OK
        odd = f", but of {trouble[0].kind} the resolver says {trouble[0].outcome.value}" if trouble else ""
        return _row(host, verdict, f"is {', '.join(addresses[:4])}{odd}", looked)
    worst = max(looked, key=lambda one: SAID[one.outcome][0])
    # A name that is not there is not there for both; an empty answer for one kind says less than the other's trouble.
    telling = next((one for one in looked if one.outcome is not Outcome.NO_SUCH_RECORD), worst)
    verdict, said = SAID[telling.outcome]
    return _row(host, verdict, said, looked)


def _row(host: str, verdict: Verdict, said: str, looked: list[Looked]) -> Row:
    return {
        "host": host,
        "verdict": int(verdict),
        "said": said,
        **{one.kind: list(one.records) or one.outcome.value for one in looked},
        "ttl_s": min((one.ttl_s for one in looked if one.records), default=None),
    }
