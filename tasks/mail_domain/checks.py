"""What we ask about a domain that sends mail, as receivers would judge it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from tasks.check import check
from tasks.mail_domain.blocklists import OWN_RESOLVER, works
from tasks.mail_domain.blocklists import row as listed_row
from tasks.mail_domain.declared import places, remedy
from tasks.mail_domain.dkim import KEY_BITS
from tasks.mail_domain.name_servers import name_server_rows
from tasks.mail_domain.names import each, finding, row, spread
from tasks.mail_domain.proving import dkim_row, dmarc_row
from tasks.mail_domain.receiving import mx_row, ptr_row
from tasks.mail_domain.sending import SPF_LOOKUPS, spf_row
from tasks.mail_domain.system import MailDomain, UserDomains
from tasks.mail_domain.transport import bimi_row, sts_row, tls_row
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict
from tasks.together import WITHIN_S, together

# A resolver answers so many at the same time; what takes the time is the way to it.
ROUND_AT_ONCE = 48


@check
def check_spf(mail_domain: MailDomain, lookups: Threshold = SPF_LOOKUPS) -> Finding:
    """Does SPF let in what the domain sends, and say who else may not?

    Each name of the envelope, for each address mail leaves from, as a receiver reckons it (RFC 7208): ten look-ups, two
    that lead to nothing, one record. All look-ups are counted, also those a receiver skips for an address of ours.
    """
    rows = each({name: partial(spf_row, mail_domain, name, lookups) for name in mail_domain.envelopes})
    return finding(rows, "names", "No name sends mail.")


@check
def check_dkim(mail_domain: MailDomain, bits: Threshold = KEY_BITS) -> Finding:
    """Is there a DKIM key under every selector, one that receivers believe, and the declared one?

    That a signature fits its key only a signed mail shows: what is asked here is the key itself.
    """
    rows = each({name: partial(dkim_row, mail_domain, name, bits) for name in mail_domain.keys})
    return finding(rows, "keys", f"No DKIM selectors of {mail_domain.domain} are configured.")


@check
def check_dmarc(mail_domain: MailDomain) -> Finding:
    """Does every name in From have a DMARC policy, and does honest mail pass it?

    By the tree walk of RFC 9989. A policy of none is one: how strict it ought to be is for its owner to say.
    """
    rows = each({name: partial(dmarc_row, mail_domain, name) for name in mail_domain.names})
    return finding(rows, "names", "No name sends mail.")


@check
def check_declared_records(mail_domain: MailDomain) -> Finding:
    """Are the records published as they are declared?

    Of TXT records only those of the same kind (SPF, DMARC) are compared; what else stands under the name may.
    """
    rows = []
    for place in places(mail_domain.records, mail_domain.look):
        if not place.looked.answered:
            rows.append(row(place.name, Verdict.UNKNOWN, f"{place.kind} was not answered ({place.looked.said})"))
        elif place.differs:
            publish = remedy(place.name, place.kind, place.wanted, place.found) + spread(
                mail_domain, place.name, place.kind
            )
            rows.append(row(place.name, Verdict.BAD, place.said, type=place.kind, remedy=publish))
        else:
            rows.append(row(place.name, Verdict.OK, f"{place.kind} is as declared", type=place.kind))
    return finding(rows, "records", f"No records of {mail_domain.domain} are declared.")


@check
def check_mail_exchangers(mail_domain: MailDomain) -> Finding:
    """Can answers and bounces reach the names mail is sent from?

    That something listens there, and takes them, is asked by SMTP, not here.
    """
    names = dict.fromkeys((*mail_domain.names, *mail_domain.envelopes))
    rows = each({name: partial(mx_row, mail_domain, name) for name in names})
    return finding(rows, "names", "No name sends mail.")


@check
def check_reverse_names(mail_domain: MailDomain) -> Finding:
    """Has every address mail leaves from a name, and does the name lead back to it?"""
    rows = each({str(ip): partial(ptr_row, mail_domain, ip) for ip in mail_domain.sends_from})
    return finding(rows, "addresses", f"No addresses of {mail_domain.domain} are configured (`sends_from`).")


@check
def check_mail_transport(mail_domain: MailDomain) -> Finding:
    """Are MTA-STS, TLS-RPT and BIMI right, where they are published?

    One that is missing is no fault: nobody asks for it. The policy of MTA-STS is fetched as senders fetch it.
    """
    asked = {"mta-sts": sts_row, "tls-rpt": tls_row, "bimi": bimi_row}
    rows = each({name: partial(ask, mail_domain) for name, ask in asked.items()})
    return finding(rows, "records", "")


@check
def check_ip_blocklists(mail_domain: MailDomain) -> Finding:
    """Is an address mail leaves from on a blocklist?

    A list counts only if it answers its own test entries as it should: one that refuses us, is dead, or lists everybody
    says nothing about an address.
    """
    entries = [str(ip) for ip in mail_domain.sends_from]
    return _listed(mail_domain, "ips", entries, "No addresses of the domain are configured (`sends_from`).")


@check
def check_domain_blocklists(mail_domain: MailDomain) -> Finding:
    """Is the domain, or one of its names, on a blocklist?"""
    return _listed(mail_domain, "domains", mail_domain.names, "No name sends mail.")


@check
def check_mail_name_servers(mail_domain: MailDomain) -> Finding:
    """Do all name servers of the domain answer, do they say the same, and do resolvers believe them?

    Compared are the zone's serial number and every declared record. What resolvers refuse to believe (DNSSEC) is gone
    to all who validate, whatever the servers themselves say.
    """
    return finding(name_server_rows(mail_domain), "name servers", "")


# A round of all users' domains is for the night: a minute is enough for a thousand at a resolver near by.
ROUND = timedelta(seconds=120)


@check(limit=ROUND)
def check_user_domains(user_domains: UserDomains, lookups: Threshold = SPF_LOOKUPS) -> Finding:
    """Do the domains of our users still verify: SPF, DKIM and DMARC of each?

    Asked of resolvers, all in one round: what several have in common (a provider's include, the top-level domain) is
    asked once.
    """
    until = time.monotonic() + ROUND.total_seconds() - 10
    asked = {name: partial(_verified, one, lookups) for name, one in user_domains.each().items()}
    told = together(asked, until=until, at_once=ROUND_AT_ONCE)

    rows = [row(name, Verdict.UNKNOWN, a.says) if isinstance(a, CannotLook) else a for name, a in told.items()]
    found = finding(rows, "domains", "")
    sick = sum(1 for one in rows if one["verdict"])
    says = f"Of {len(rows):,} domains of users {sick:,} do not verify as they ought to: {found.says}"
    well = f"All {len(rows):,} domains of users verify."
    # A thousand healthy ones are no evidence of anything.
    return replace(found, says=says if sick else well, facts={"domains": len(rows), "sick": sick})


def _verified(mail_domain: MailDomain, lookups: Threshold) -> Row:
    """The worst of what receivers look up about one domain, and all that is wrong with it."""
    name = mail_domain.domain
    rows = [spf_row(mail_domain, name, lookups), dmarc_row(mail_domain, name)]
    rows += [dkim_row(mail_domain, key) for key in mail_domain.keys]
    worst = max(Verdict(int(str(one["verdict"]))) for one in rows)
    said = "; ".join(str(one["said"]) for one in rows if one["verdict"])
    remedies = [str(one["remedy"]) for one in rows if one.get("remedy")]
    return row(name, worst, said or "verifies", remedy="\n\n".join(remedies))


def _listed(mail_domain: MailDomain, kind: str, entries: Sequence[str], none: str) -> Finding:
    """Every entry on every list that works; and which lists do not."""
    lists = {one.zone: one for one in mail_domain.blocklists if one.lists == kind}
    if not entries or not lists:
        return Finding(verdict=Verdict.OK, says=none if lists else f"No blocklists of {kind} are configured.")
    # By resolvers only: lists are none of the domain's own names.
    look = mail_domain.resolver.look
    until = time.monotonic() + WITHIN_S
    trouble = together({zone: partial(works, look, one) for zone, one in lists.items()}, until=until)
    broken = {zone: why.says if isinstance(why, CannotLook) else why for zone, why in trouble.items() if why}
    asked = {(e, z): partial(listed_row, look, lists[z], e) for e in entries for z in lists if z not in broken}
    rows = [row(zone, Verdict.UNKNOWN, f"says nothing now: {why}", remedy=OWN_RESOLVER) for zone, why in broken.items()]
    for (entry, zone), told in together(asked, until=until).items():
        rows.append(row(entry, Verdict.UNKNOWN, f"on {zone}: {told.says}") if isinstance(told, CannotLook) else told)
    return finding(rows, "listings", none)
