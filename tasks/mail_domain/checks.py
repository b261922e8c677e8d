"""What we ask about a domain that sends mail, as receivers would judge it."""

from __future__ import annotations

from functools import partial

from tasks.check import check
from tasks.mail_domain.declared import places, remedy
from tasks.mail_domain.dkim import KEY_BITS
from tasks.mail_domain.names import each, finding, row, spread
from tasks.mail_domain.proving import dkim_row, dmarc_row
from tasks.mail_domain.sending import SPF_LOOKUPS, spf_row
from tasks.mail_domain.system import MailDomain
from tasks.model import Finding, Threshold, Verdict


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
