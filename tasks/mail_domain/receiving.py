"""Where answers and bounces go (MX), and whether the addresses mail leaves from have names that lead back (PTR)."""

from __future__ import annotations

import ipaddress

from tasks.dns.looked import Looked
from tasks.mail_domain.names import row
from tasks.mail_domain.system import IpAddress, MailDomain
from tasks.model import Row, Verdict

# Receivers look at no more of either (RFC 7208, 4.6.4).
MOST_NAMES = 10
# A name made from its address says that nobody gave it one: what end users' lines have.
_GENERIC = ("dynamic", "dhcp", "dsl", "dialup", "pool", "customer", "static-ip")


def mx_row(mail_domain: MailDomain, name: str) -> Row:
    """Can mail to `name` be delivered?"""
    looked = mail_domain.look(name, "MX")
    if not looked.answered:
        return row(name, Verdict.UNKNOWN, f"MX was not answered: {looked.said}")
    if looked.void:
        return _without(mail_domain, name)
    hosts = [record.partition(" ")[2].removesuffix(".").lower() for record in looked.records]
    if "" in hosts:
        # RFC 7505, 3 and 4.2.
        said = (
            "says that it takes no mail (null MX), so receivers may refuse what comes from it: no bounce could return"
        )
        return row(name, Verdict.BAD, said if len(hosts) == 1 else "has a null MX beside others, which is invalid")
    told = {host: _host(mail_domain, host) for host in hosts[:MOST_NAMES]}
    worst = max(verdict for verdict, _ in told.values())
    if worst is Verdict.OK:
        return row(name, Verdict.OK, f"takes mail at {', '.join(hosts[:3])}", mx=list(looked.records[:MOST_NAMES]))
    # One that works is enough for mail to arrive.
    verdict = Verdict.WARN if worst is Verdict.BAD and Verdict.OK in [one for one, _ in told.values()] else worst
    said = "; ".join(f"{host} {said}" for host, (one, said) in told.items() if one is worst)
    return row(name, verdict, f"names mail exchangers that do not do: {said}", mx=list(looked.records[:MOST_NAMES]))


def _without(mail_domain: MailDomain, name: str) -> Row:
    """Without MX the name itself is tried (RFC 5321, 5.1)."""
    if any(mail_domain.look(name, kind).records for kind in ("A", "AAAA")):
        said = "has no MX, so its bounces go to its own address: seldom does anything listen there"
        return row(name, Verdict.WARN, said)
    if name != mail_domain.domain:
        return row(name, Verdict.WARN, "has neither MX nor address: what is sent in its name has no way to bounce to")
    return row(name, Verdict.BAD, "has neither MX nor address: no answer and no bounce can arrive, and some refuse it")


def _host(mail_domain: MailDomain, host: str) -> tuple[Verdict, str]:
    if _is_address(host):
        return Verdict.BAD, "is an address, where a name has to stand"
    looked = [mail_domain.look(host, kind) for kind in ("A", "AAAA")]
    if any(one.records for one in looked):
        alias = next((one.aliases[-1] for one in looked if one.aliases), "")
        return (Verdict.WARN, f"is an alias of {alias}, which RFC 2181 forbids here") if alias else (Verdict.OK, "")
    unseen = next((one for one in looked if not one.answered), None)
    if unseen is not None:
        return Verdict.UNKNOWN, f"was not answered: {unseen.said}"
    return Verdict.BAD, f"has no address ({looked[0].outcome.value})"


def ptr_row(mail_domain: MailDomain, ip: IpAddress) -> Row:
    """Has the address a name, and does the name lead back to it?"""
    looked = mail_domain.look(ip.reverse_pointer, "PTR")
    if not looked.answered:
        return row(str(ip), Verdict.UNKNOWN, f"PTR was not answered: {looked.said}")
    if looked.void:
        said = "has no name (no PTR record): Gmail and others refuse mail from it"
        return row(str(ip), Verdict.BAD, said, remedy=f"Ask whoever provides {ip} for a PTR record to your mail host.")
    hosts = [record.removesuffix(".").lower() for record in looked.records[:MOST_NAMES]]
    back = {host: mail_domain.look(host, "A" if ip.version == 4 else "AAAA") for host in hosts}
    confirmed = [host for host, found in back.items() if _leads_to(found, ip)]
    if confirmed:
        return _confirmed(ip, confirmed[0], hosts)
    if any(not found.answered for found in back.values()):
        return row(str(ip), Verdict.UNKNOWN, f"is called {hosts[0]}, which was not answered")
    said = f"is called {', '.join(hosts[:3])}, which does not lead back to it: receivers take the name for made up"
    publish = f"{hosts[0]}. 300 IN {'A' if ip.version == 4 else 'AAAA'} {ip}"
    return row(str(ip), Verdict.BAD, said, ptr=hosts, remedy=f"Publish\n{publish}\nor have the PTR record corrected.")


def _confirmed(ip: IpAddress, host: str, hosts: list[str]) -> Row:
    if len(hosts) > 1:
        return row(str(ip), Verdict.WARN, f"has {len(hosts)} names, and receivers look at one of them", ptr=hosts)
    digits = str(ip).replace(":", "-").split(".")
    made_up = any(word in host for word in _GENERIC) or "-".join(digits) in host or "-".join(reversed(digits)) in host
    if made_up:
        said = f"is called {host}, a name made from its address: it looks like somebody's home"
        return row(str(ip), Verdict.WARN, said, ptr=hosts)
    return row(str(ip), Verdict.OK, f"is called {host}, which leads back to it", ptr=hosts)


def _leads_to(found: Looked, ip: IpAddress) -> bool:
    return any(ipaddress.ip_address(record) == ip for record in found.records)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
