"""The door to a domain that sends mail: who may, with which keys, and what is published about it where."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from tasks.dns.looked import Looked, Outcome
from tasks.dns.names import Domain, Name, domain, is_under, upwards
from tasks.dns.system import Authority, Resolver, server
from tasks.dns.updates import Updates
from tasks.excerpt import excerpt
from tasks.kept import asked_once
from tasks.mail_domain.blocklists import KNOWN, Blocklist
from tasks.mail_domain.declared import Declared
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System
from tasks.web.door import Door
from tasks.web.exchange import Limits, Place, Request

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
MOST_SERVERS = 8
# As many names as one question follows from alias to alias.
LONGEST_CHAIN = 8
# A weekly round of so many takes about a minute and a half.
MOST_DOMAINS = 5_000
# Of names of 253 characters as many as that.
MOST_LISTED = 1_500_000
# RFC 8461, 3.3: senders read no more of a policy.
MOST_POLICY = 65_536


def _server(text: str) -> str:
    server(text)
    return text


def _blocklist(given: object) -> object:
    if not isinstance(given, str):
        return given
    known = {one.zone: one for one in KNOWN}
    return known.get(given) or {"zone": given}


ServerAddress = Annotated[str, AfterValidator(_server)]


class Update(BaseModel):
    """The server that takes changes to the domain's records (RFC 2136), and the key they are signed with (RFC 8945)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    server: ServerAddress
    key_name: Name
    key: SecretStr
    algorithm: str = "hmac-sha256"
    # The zone in which the domain lies, if it is not one itself.
    zone: Domain | None = None


class MailDomain(System):
    """A domain in whose name mail is sent, as receivers see it.

    Its own names are asked at its own name servers, before which no cache stands; everything else, and whatever they do
    not answer, at the resolvers.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "mail_domain"
    config_lines: ClassVar[str] = (
        'domain = "example.com"\n'
        'subdomains = ["news.example.com"]                 # that send, too\n'
        'selectors = ["s1", "s2"]                          # whose DKIM keys sign\n'
        'sends_from = ["192.0.2.10"]                       # addresses mail leaves from, if they are yours\n'
        'records = [{ name = "example.com", value = "v=spf1 include:mail.example.net -all" }]'
    )

    domain: Domain
    subdomains: tuple[Domain, ...] = Field(default=(), max_length=20)
    # In the envelope, where bounces go; without any, the domain and its subdomains themselves.
    mail_from: tuple[Domain, ...] = Field(default=(), max_length=20)
    selectors: tuple[Name, ...] = Field(default=(), max_length=20)
    sends_from: tuple[IpAddress, ...] = Field(default=(), max_length=64)
    # Name servers to ask, as ADDRESS or ADDRESS:PORT; without any, the machine's own, and those the domain names.
    resolvers: tuple[ServerAddress, ...] = ()
    authoritative: tuple[ServerAddress, ...] = Field(default=(), max_length=MOST_SERVERS)
    # Where nobody may ask beyond a resolver, or a thousand domains are looked at: caches stand before what is answered.
    by_resolvers_only: bool = False
    records: tuple[Declared, ...] = Field(default=(), max_length=100)
    blocklists: tuple[Annotated[Blocklist, BeforeValidator(_blocklist)], ...] = Field(default=KNOWN, max_length=30)
    update: Update | None = None
    # For one question to all servers together.
    limit_s: float = Field(default=2.5, gt=0, le=5)

    @model_validator(mode="after")
    def _belongs_together(self) -> MailDomain:
        for name in (*self.subdomains, *(one.name for one in self.records)):
            if not is_under(name, self.domain):
                raise ValueError(f"{name} does not lie under {self.domain}: give it a mail_domain of its own")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that mail is written in."""
        return tuple(dict.fromkeys((self.domain, *self.subdomains)))

    @property
    def envelopes(self) -> tuple[str, ...]:
        """Every name that SPF is asked for."""
        return self.mail_from or self.names

    @property
    def keys(self) -> dict[str, str]:
        """Where each DKIM key stands, with the domain it signs for. A selector may name its own: s1._domainkey.…"""
        told = {}
        for selector in self.selectors:
            own = "._domainkey." in selector
            name = selector if own else f"{selector}._domainkey.{self.domain}"
            told[name] = name.partition("._domainkey.")[2]
        return told

    @property
    def resolver(self) -> Resolver:
        return Resolver(servers=self.resolvers, limit_s=self.limit_s)

    def look(self, name: str, kind: str) -> Looked:
        """What receivers find under `name`, or will find once caches have forgotten what was there before.

        Raises:
            CannotLook: this machine names no resolver. Refused: `name` is none.
        """
        looked = self._looked(name, kind)
        for _ in range(LONGEST_CHAIN):
            # A server answers for itself only: where an alias leads away from it, somebody else has to be asked.
            if looked.records or not looked.aliases or not looked.answered or looked.aliases[-1] == name:
                return looked
            further = self._looked(looked.aliases[-1], kind)
            if not further.records and not further.aliases:
                return _along(looked, further)
            looked = _along(looked, further)
        return replace(looked, outcome=Outcome.NONSENSE, why="its CNAMEs lead too far")

    def _looked(self, name: str, kind: str) -> Looked:
        own = self._own(name, kind)
        return own if own is not None else self.resolver.look(name, kind)

    def _own(self, name: str, kind: str) -> Looked | None:
        if not is_under(name.lower(), self.domain):
            return None
        authority = self.authority()
        looked = authority.look(name, kind) if authority else None
        return looked if looked is not None and looked.answered else None

    def authority(self) -> Authority | None:
        """Those of the domain's own name servers that answer for it; None if none does."""
        key = ("authority of", self.domain, self.authoritative, self.resolvers)
        return asked_once(key, self._answering)

    def _answering(self) -> Authority | None:
        servers = () if self.by_resolvers_only else tuple(self.name_servers())
        if not servers:
            return None
        every = Authority(servers=servers, limit_s=self.limit_s)
        # Where nobody may ask beyond the own resolver, each question would wait in vain.
        return every if every.look(self.domain, "SOA").answered else None

    def name_servers(self) -> Mapping[str, str]:
        """The addresses of the domain's name servers, and how each is called."""
        if self.authoritative:
            return {text: text for text in self.authoritative}
        return asked_once(("name servers of", self.domain, self.resolvers), self._named)

    def _named(self) -> dict[str, str]:
        for name in upwards(self.domain):
            looked = self.resolver.look(name, "NS")
            if looked.records and "." in name:
                hosts = [record.removesuffix(".").lower() for record in looked.records[:MOST_SERVERS]]
                return {address: host for host in hosts for address in self._addresses(host)}
        return {}

    def _addresses(self, host: str) -> tuple[str, ...]:
        first = self.resolver.look(host, "A").records[:1]
        return first or self.resolver.look(host, "AAAA").records[:1]

    def sts_text(self) -> str:
        """The policy of MTA-STS, fetched as RFC 8461, 3.3 has it: by https, without following anybody elsewhere.

        Raises:
            CannotLook, Refused: it cannot be had.
        """
        limits = Limits(total_s=self.limit_s * 2, attempts=1, redirects=0, most_bytes=MOST_POLICY)
        place = Place(base=f"https://mta-sts.{self.domain}", limits=limits)
        request = Request(url=f"{place.base}/.well-known/mta-sts.txt", fresh=True)
        door = Door(place=place, words=lambda _status, _body: None)
        remedy = (
            f"Serve the policy itself at {request.url}: as text/plain, with a certificate for this name, and without a "
            "redirect. Senders take it in no other way."
        )
        try:
            answer = door.answer(request, door.until())
        except CannotLook as error:
            raise type(error)(error.says, remedy=remedy) from None
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "text/plain":
            # Where users may put files up, one of them must not be the policy.
            raise Refused(f"{place.name} sends it as “{excerpt(kind, 40)}”, and not as text/plain.", remedy=remedy)
        return answer.text

    def updates(self) -> Updates:
        """The way to change records.

        Raises:
            Refused: there is none.
        """
        if self.update is None:
            raise Refused(
                f"{self.domain} has no `update`: nobody here may change its records.",
                remedy="Publish them by hand, or configure the server that takes dynamic updates and its key.",
            )
        return Updates(
            server=self.update.server,
            zone=self.update.zone or self.domain,
            key_name=self.update.key_name,
            key=self.update.key,
            algorithm=self.update.algorithm,
        )

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            servers = self.name_servers()
        except CannotLook as error:
            yield Finding.unknown(error.says, remedy=error.remedy)
            return
        if not servers:
            yield Finding(
                verdict=Verdict.BAD,
                says=f"{self.domain}: no name servers of it are known to {self.resolver.said}.",
                remedy="Look at the registration of the domain, or name them: `authoritative`.",
            )
            return
        for address, host in servers.items():
            looked = Authority(servers=(address,), limit_s=self.limit_s).look(self.domain, "SOA")
            well = looked.answered
            yield Finding(
                verdict=Verdict.OK if well else Verdict.WARN,
                says=f"{self.domain}: {host} {'answers' if well else f'does not answer: {looked.said}'}.",
                remedy="" if well else "Resolvers are asked in its place, which may remember what was there before.",
            )


class UserDomains(System):
    """The domains of an application's users, in whose names it sends: many, and all set up alike.

    They are asked of resolvers only. `file` has a domain a line, as an application exports them; what follows a # does
    not count.
    """

    kind: ClassVar[str] = "user_domains"
    config_lines: ClassVar[str] = (
        'file = "/var/lib/app/verified-domains.txt"        # one a line\n'
        'selectors = ["s1", "s2"]                          # the same for each\n'
        'sends_from = ["192.0.2.10"]                       # what the SPF record of each has to let in'
    )

    file: Path | None = None
    domains: tuple[Domain, ...] = Field(default=(), max_length=MOST_DOMAINS)
    selectors: tuple[Name, ...] = Field(default=(), max_length=5)
    sends_from: tuple[IpAddress, ...] = Field(default=(), max_length=8)
    resolvers: tuple[ServerAddress, ...] = ()
    limit_s: float = Field(default=2.5, gt=0, le=5)

    @model_validator(mode="after")
    def _some(self) -> UserDomains:
        if not (self.file or self.domains):
            raise ValueError("neither `file` nor `domains` is given: name the domains of your users")
        return self

    def each(self) -> dict[str, MailDomain]:
        """Every domain, as one to be asked about.

        Raises:
            CannotLook: the file cannot be read. Refused: a line of it is no domain, or there are too many.
        """
        shared = self.model_dump(include={"selectors", "sends_from", "resolvers", "limit_s"})
        found: dict[str, MailDomain] = {}
        for name in (*self.domains, *self._listed()):
            found.setdefault(name, MailDomain(domain=name, blocklists=(), by_resolvers_only=True, **shared))
        if len(found) > MOST_DOMAINS:
            raise Refused(f"There are {len(found):,} domains, and at most {MOST_DOMAINS:,} are asked about at once.")
        return found

    def _listed(self) -> list[str]:
        if self.file is None:
            return []
        try:
            with self.file.open(encoding="utf-8") as lines:
                told = lines.read(MOST_LISTED)
        except (OSError, UnicodeError) as error:
            raise CannotLook(f"{self.file} cannot be read: {error}.", remedy="Correct `file`.") from error
        return [self._name(n, line) for n, line in enumerate(told.splitlines(), 1) if line.partition("#")[0].strip()]

    def _name(self, number: int, line: str) -> str:
        try:
            return domain(line.partition("#")[0])
        except ValueError as error:
            raise Refused(f"{self.file}, line {number}: {error}.", remedy="Correct the line.") from None

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            found = self.each()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{len(found):,} domains of users are known.")


def _along(first: Looked, further: Looked) -> Looked:
    """The answer to a question that was led on."""
    return Looked(
        name=first.name,
        kind=first.kind,
        outcome=further.outcome,
        records=further.records,
        strings=further.strings,
        ttl_s=min(first.ttl_s, further.ttl_s),
        aliases=tuple(dict.fromkeys((*first.aliases, *further.aliases))),
        why=further.why,
    )
