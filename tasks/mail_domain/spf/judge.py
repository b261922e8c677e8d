"""What a receiver makes of a sender by SPF: `check_host` of RFC 7208, with how many look-ups it took."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from tasks.dns.looked import Looked, Outcome
from tasks.excerpt import excerpt
from tasks.mail_domain.spf.macros import Address, Sender, as_name, expanded
from tasks.mail_domain.spf.record import InvalidRecord, Mechanism, Record, is_explanation, is_spf, parsed

# Asks for the records of one kind.
Look = Callable[[str, str], Looked]

MOST_NAMES = 10
_LABELS = re.compile(r"[^.]{1,63}(?:\.[^.]{1,63})+")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a receiver does for one mail (4.6.4); a survey counts further, so that it can say by how much."""

    lookups: int = 10
    voids: int = 2


COUNTED_TO = Limits(lookups=40, voids=40)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """`result` is the RFC's word. `why` says of an error what it is, else which term decided."""

    result: str
    why: str = ""
    lookups: int = 0
    voids: int = 0
    explanation: str = ""
    record: str = ""


class _Ends(Exception):
    """Nothing more is asked: an error, said as a result."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result, self.why = result, why


def judged(look: Look, sender: Sender, domain: str, limits: Limits | None = None) -> Judged:
    """What a receiver answers that gets mail from `sender`, for whom `domain` speaks."""
    run = _Run(look, _unmapped(sender), limits or Limits())
    return run.outcome(domain)


def surveyed(look: Look, sender: Sender, domain: str) -> Judged:
    """The same for an address that nothing matches before `all`: every look-up is counted, past the tenth, too."""
    return _Run(look, _unmapped(sender), COUNTED_TO, matches=False).outcome(domain)


def is_name(domain: str) -> bool:
    """May it be asked for: two labels at least, none empty or too long (4.3)?"""
    return len(domain) <= 253 and bool(_LABELS.fullmatch(domain.removesuffix(".")))


class _Run:
    def __init__(self, look: Look, sender: Sender, limits: Limits, *, matches: bool = True) -> None:
        self._look, self.sender, self.limits, self._matches = look, sender, limits, matches
        self.lookups = self.voids = 0

    def outcome(self, domain: str) -> Judged:
        record = ""
        try:
            found = self._record(domain)
            if isinstance(found, str):
                return self._said("none", found)
            record = found.text
            result, why, explained = self._evaluated(found, domain)
        except _Ends as error:
            return self._said(error.result, error.why, record)
        explanation = self._explained(*explained) if result == "fail" and explained else ""
        return self._said(result, why, record, explanation)

    def _said(self, result: str, why: str, record: str = "", explanation: str = "") -> Judged:
        return Judged(
            result=result, why=why, lookups=self.lookups, voids=self.voids, record=record, explanation=explanation
        )

    def _record(self, domain: str) -> Record | str:
        """The record of `domain`, or why there is none."""
        if not is_name(domain):
            return f"{excerpt(domain, 80)!r} is no name"
        looked = self._look(domain, "TXT")
        if not looked.answered:
            raise _Ends("temperror", f"{domain} TXT: {looked.said}")
        there = [text for text in looked.texts if is_spf(text)]
        if not there:
            return f"{domain} has no SPF record"
        if len(there) > 1:
            raise _Ends("permerror", f"{domain} has {len(there)} SPF records, where one may be")
        try:
            return parsed(there[0])
        except InvalidRecord as error:
            raise _Ends("permerror", f"{domain}: {error}") from None

    def _evaluated(self, record: Record, domain: str) -> tuple[str, str, tuple[Record, str] | None]:
        for mechanism in record.mechanisms:
            if self._does_match(mechanism, domain):
                return mechanism.result, f"{domain}: {mechanism.text}", (record, domain)
        if not record.redirect or record.has_all:
            return "neutral", f"{domain}: no term matches", None
        self._count(f"redirect={record.redirect}")
        target = self._name(record.redirect, domain)
        further = self._record(target)
        if isinstance(further, str):
            raise _Ends("permerror", f"{domain} redirects: {further}")
        return self._evaluated(further, target)

    def _does_match(self, one: Mechanism, domain: str) -> bool:
        if one.name == "all":
            return True
        if one.network is not None:
            return self._matches and one.network.version == self.sender.ip.version and self.sender.ip in one.network
        self._count(one.text)
        target = self._name(one.target, domain) if one.target else domain
        match one.name:
            case "include":
                found = self._included(target, domain)
            case "a":
                found = self._is_within(self._addresses(target), one)
            case "mx":
                found = self._is_exchange(target, one)
            case "ptr":
                found = any(_is_under(name, target) for name in self._own_names())
            case _:
                found = self._asked(target, "A").outcome is Outcome.FOUND
        return found and self._matches

    def _included(self, target: str, domain: str) -> bool:
        record = self._record(target)
        if isinstance(record, str):
            raise _Ends("permerror", f"{domain} includes {excerpt(target, 80)}: {record}")
        return self._evaluated(record, target)[0] == "pass"

    def _is_exchange(self, target: str, one: Mechanism) -> bool:
        looked = self._asked(target, "MX")
        hosts = [host for record in looked.records if (host := record.partition(" ")[2]) != "."]
        if len(hosts) > MOST_NAMES:
            raise _Ends("permerror", f"{target} has {len(hosts)} mail exchangers, and ten are asked for")
        # All of them: that the first one fits is no reason for the others not to count.
        addresses = [address for host in hosts for address in self._addresses(host.removesuffix("."))]
        return self._is_within(addresses, one)

    def _is_within(self, addresses: list[Address], one: Mechanism) -> bool:
        bits = one.bits4 if self.sender.ip.version == 4 else one.bits6
        return any(self.sender.ip in ipaddress.ip_network(f"{address}/{bits}", strict=False) for address in addresses)

    def _addresses(self, name: str) -> list[Address]:
        kind = "A" if self.sender.ip.version == 4 else "AAAA"
        return [ipaddress.ip_address(record) for record in self._asked(name, kind).records]

    def _own_names(self) -> list[str]:
        """The names of the sender's address that lead back to it (5.5). Trouble on the way is no error."""
        looked = self._looked(self.sender.ip.reverse_pointer, "PTR")
        self._note(looked)
        kind, names = "A" if self.sender.ip.version == 4 else "AAAA", []
        for record in looked.records[:MOST_NAMES]:
            name = record.removesuffix(".")
            back = self._looked(name, kind).records
            if any(ipaddress.ip_address(address) == self.sender.ip for address in back):
                names.append(name)
        return names

    def _validated(self, domain: str) -> str:
        """What %{p} stands for: a name of the sender's, the one of `domain` first."""
        names = self._own_names()
        own = [name for name in names if name.lower() == domain.lower()]
        below = [name for name in names if _is_under(name, domain)]
        return next(iter([*own, *below, *names]), "unknown")

    def _asked(self, name: str, kind: str) -> Looked:
        looked = self._looked(name, kind)
        if not looked.answered:
            raise _Ends("temperror", f"{name} {kind}: {looked.said}")
        self._note(looked)
        return looked

    def _note(self, looked: Looked) -> None:
        self.voids += looked.void
        if self.voids > self.limits.voids:
            raise _Ends("permerror", f"{self.voids} look-ups lead to nothing, the last one {looked.name} {looked.kind}")

    def _looked(self, name: str, kind: str) -> Looked:
        """What is no name has no records."""
        if not is_name(name):
            return Looked(name=name, kind=kind, outcome=Outcome.NO_SUCH_NAME)
        return self._look(name, kind)

    def _count(self, term: str) -> None:
        self.lookups += 1
        if self.lookups > self.limits.lookups:
            raise _Ends("permerror", f"it takes more than {self.limits.lookups} look-ups: “{excerpt(term, 60)}” is one")

    def _name(self, spec: str, domain: str) -> str:
        return as_name(expanded(spec, self.sender, domain, lambda: self._validated(domain)))

    def _explained(self, record: Record, domain: str) -> str:
        """What the domain says to whoever is refused (6.2). Whatever is wrong with it, it is left out."""
        if not record.explanation:
            return ""
        try:
            looked = self._looked(self._name(record.explanation, domain), "TXT")
            text = looked.texts[0] if len(looked.texts) == 1 else ""
            if not text or not is_explanation(text):
                return ""
            return expanded(text, self.sender, domain, lambda: self._validated(domain))
        except _Ends:
            return ""


def _is_under(name: str, domain: str) -> bool:
    own, above = name.lower().removesuffix("."), domain.lower().removesuffix(".")
    return own == above or own.endswith(f".{above}")


def _unmapped(sender: Sender) -> Sender:
    """A sender by IPv4 that was seen through IPv6 is one by IPv4."""
    mapped = sender.ip.ipv4_mapped if isinstance(sender.ip, ipaddress.IPv6Address) else None
    return sender if mapped is None else Sender(**{**vars(sender), "ip": mapped})
