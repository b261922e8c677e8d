"""The domain's own name servers: do they answer, do they say the same, and are they believed?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tasks.dns.looked import Looked, Outcome
from tasks.dns.system import Authority
from tasks.mail_domain.declared import places
from tasks.mail_domain.names import each, row
from tasks.mail_domain.system import MailDomain
from tasks.model import Row, Verdict


def name_server_rows(mail_domain: MailDomain) -> list[Row]:
    """A row for each name server, and one for what resolvers make of the domain."""
    servers = mail_domain.name_servers()
    asked: dict[str, Callable[[], Row]] = {"resolvers": partial(_believed, mail_domain)}
    wanted = [(mail_domain.domain, "SOA"), *dict.fromkeys((one.name, one.type) for one in mail_domain.records)]
    told = {at: _answers(mail_domain, at, wanted) for at in servers}
    first = next((answers for answers in told.values() if answers[wanted[0]].answered), {})
    for at, host in servers.items():
        asked[at] = partial(_server, host if host == at else f"{host} ({at})", told[at], first, mail_domain)
    return each(asked)


def _answers(mail_domain: MailDomain, at: str, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], Looked]:
    one = Authority(servers=(at,), limit_s=mail_domain.limit_s)
    start = one.look(*wanted[0])
    # One that is silent is not asked for the rest, question by question.
    return {wanted[0]: start, **({key: one.look(*key) for key in wanted[1:]} if start.answered else {})}


def _server(
    said: str, told: Mapping[tuple[str, str], Looked], first: Mapping[tuple[str, str], Looked], mail_domain: MailDomain
) -> Row:
    start = told[mail_domain.domain, "SOA"]
    if not start.answered:
        return row(said, Verdict.BAD if first else Verdict.UNKNOWN, f"does not answer: {start.said}")
    differ = [f"{name} {kind}" for (name, kind), looked in told.items() if looked.records != first[name, kind].records]
    if differ:
        return row(said, Verdict.BAD, f"does not say what the first one says of {', '.join(differ[:3])}")
    missing = [place for place in places(mail_domain.records, lambda name, kind: told[name, kind]) if place.differs]
    if missing:
        return row(said, Verdict.BAD, f"has not what is declared: {missing[0].name} {missing[0].said}")
    return row(said, Verdict.OK, f"answers{' and has every declared record' if mail_domain.records else ''}")


def _believed(mail_domain: MailDomain) -> Row:
    looked = mail_domain.resolver.look(mail_domain.domain, "SOA")
    name = f"{mail_domain.domain} at {mail_domain.resolver.said}"
    if looked.outcome is Outcome.BOGUS:
        said = f"is not believed: {looked.said}"
        remedy = "Compare the DS record at the registrar with the zone's keys, and look when its signatures end."
        return row(name, Verdict.BAD, said, remedy=remedy)
    if looked.outcome is Outcome.NO_SUCH_NAME:
        return row(name, Verdict.BAD, "does not exist (NXDOMAIN): the domain has lapsed, or is not delegated")
    if not looked.answered:
        return row(name, Verdict.BAD if looked.outcome is Outcome.FAILED else Verdict.UNKNOWN, f"is {looked.said}")
    return row(name, Verdict.OK, "is believed")
