"""Blocklists: what their answers mean, whether they work at all, and where one asks to be taken off."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.dns.looked import Looked, Outcome
from tasks.dns.names import Name
from tasks.excerpt import excerpt
from tasks.model import Row, Verdict

Look = Callable[[str, str], Looked]

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
# RFC 5782, 5: every list of addresses lists the first and never the second; of names these two.
IP_LISTED, IP_NOT = "127.0.0.2", "127.0.0.1"
NAME_LISTED, NAME_NOT = "test", "invalid"
# What lists say in place of an answer, by Spamhaus' and URIBL's pages; it must never be read as a listing.
ERRORS = {
    "127.255.255.252": "the list's name is misspelt",
    "127.255.255.254": "it does not answer those who ask through a public resolver",
    "127.255.255.255": "it was asked too often from here",
}
# Where Spamhaus, SURBL and URIBL stand: they answer nobody whose resolver they cannot name.
OWN_RESOLVER = "Ask through a resolver of your own (set `resolvers`), or with a key of the list's provider."
# Shut down; some of them answer "listed" to everything since, and others belong to somebody else now.
DEAD = {
    "dnsbl.sorbs.net": "shut down in June 2024",
    "bl.spamcannibal.org": "gone since 2018, and listed everybody when its domain lapsed",
    "dnsbl.ahbl.org": "shut down in 2015, and lists everybody",
    "dnsbl.njabl.org": "shut down in 2013",
    "ix.dnsbl.manitu.net": "shut down in January 2025",
    "cbl.abuseat.org": "part of zen.spamhaus.org now",
    "list.dsbl.org": "shut down in 2008",
}


class Blocklist(BaseModel):
    """A list, what it lists, and what its return codes mean.

    `codes` are its listings, the address or `bit N` of the last octet, with the reason in words; `errors` what it says
    where it refuses. `listed` and `not_listed` are its own test entries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: Name
    lists: Literal["ips", "domains"] = "ips"
    codes: Mapping[str, str] = Field(default_factory=lambda: {"127.0.0.2": "listed"})
    errors: Mapping[str, str] = Field(default_factory=dict)
    listed: str = ""
    not_listed: str = ""
    delist: str = ""
    # How much a listing there means: some lists are asked by hardly anybody.
    weight: Literal["bad", "warn"] = "bad"

    @model_validator(mode="after")
    def _alive(self) -> Blocklist:
        for dead, why in DEAD.items():
            if self.zone == dead or self.zone.endswith(f".{dead}"):
                raise ValueError(f"{self.zone}: {why}. Remove it from `blocklists`")
        return self

    @property
    def own_tests(self) -> tuple[str, str]:
        """An entry that is listed and one that is not, for as long as the list works."""
        first, second = (IP_LISTED, IP_NOT) if self.lists == "ips" else (NAME_LISTED, NAME_NOT)
        return self.listed or first, self.not_listed or second

    def question(self, entry: str) -> str:
        """The name that is asked for."""
        if self.lists == "domains":
            return f"{entry}.{self.zone}"
        address = ipaddress.ip_address(entry)
        return f"{address.reverse_pointer.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{self.zone}"

    def meaning(self, answers: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The reasons of a listing, and what is no listing at all."""
        reasons, refusals = [], []
        for answer in answers:
            if (wrong := self._wrong(answer)) is not None:
                refusals.append(wrong)
            else:
                reasons += self._reasons(answer) or [f"a code we do not know ({answer})"]
        return tuple(reasons), tuple(refusals)

    def _wrong(self, answer: str) -> str | None:
        told = {**ERRORS, **self.errors}.get(answer)
        if told is not None:
            return told
        if ipaddress.ip_address(answer) not in LOOPBACK:
            return f"it answers {answer}, as a resolver does that makes up answers, or whoever took the domain over"
        return f"it answers {answer}, an error" if answer.startswith("127.255.255.") else None

    def _reasons(self, answer: str) -> list[str]:
        if answer in self.codes:
            return [self.codes[answer]]
        last = int(answer.rpartition(".")[2])
        bits = {int(key.removeprefix("bit ")): said for key, said in self.codes.items() if key.startswith("bit ")}
        return [said for bit, said in bits.items() if last & bit]


# Lists that answer whoever asks through a resolver of their own. Barracuda's wants to know the asking address first, so
# it is for who has told it: { zone = "b.barracudacentral.org" }.
KNOWN = (
    Blocklist(
        zone="zen.spamhaus.org",
        codes={
            "127.0.0.2": "SBL: seen sending spam",
            "127.0.0.3": "CSS: low reputation",
            "127.0.0.4": "XBL: infected or open to abuse",
            "127.0.0.9": "DROP: hijacked network",
            "127.0.0.10": "PBL: its provider says it sends no mail itself",
            "127.0.0.11": "PBL: an address that ought to send no mail itself",
            "127.0.0.30": "BCL: controls a botnet",
        },
        delist="https://check.spamhaus.org/",
    ),
    Blocklist(zone="bl.spamcop.net", delist="https://www.spamcop.net/bl.shtml"),
    Blocklist(
        zone="dbl.spamhaus.org",
        lists="domains",
        codes={
            "127.0.1.2": "low reputation, or spam",
            "127.0.1.4": "phishing",
            "127.0.1.5": "malware",
            "127.0.1.6": "controls a botnet",
            "127.0.1.102": "abused: spam",
            "127.0.1.103": "abused redirector",
            "127.0.1.104": "abused: phishing",
            "127.0.1.105": "abused: malware",
            "127.0.1.106": "abused: botnet",
        },
        errors={"127.0.1.255": "it was asked for an address, and lists names"},
        listed="dbltest.com",
        not_listed="example.com",
        delist="https://check.spamhaus.org/",
    ),
    Blocklist(
        zone="multi.surbl.org",
        lists="domains",
        codes={"bit 8": "phishing", "bit 16": "malware", "bit 64": "abuse", "bit 128": "cracked site"},
        errors={"127.0.0.1": "it does not answer those who ask through this resolver"},
        listed="surbl-org-permanent-test-point.com",
        not_listed="example.com",
        delist="https://surbl.org/surbl-analysis",
    ),
    Blocklist(
        zone="multi.uribl.com",
        lists="domains",
        codes={"bit 2": "black: spam", "bit 4": "grey: bulk mail that is complained about", "bit 8": "red: new"},
        errors={"127.0.0.1": "it does not answer those who ask through this resolver"},
        listed="test.uribl.com",
        not_listed="example.com",
        delist="https://admin.uribl.com/",
        weight="warn",
    ),
)


def works(look: Look, one: Blocklist) -> str:
    """Why its answers cannot be believed; empty where it answers its own test entries as it should."""
    listed, not_listed = one.own_tests
    first, second = (look(one.question(entry), "A") for entry in (listed, not_listed))
    for looked in (first, second):
        if not looked.answered:
            return f"it does not answer: {looked.said}"
        if refusals := one.meaning(looked.records)[1]:
            return refusals[0]
    if second.outcome is Outcome.FOUND:
        return f"it lists everything, {not_listed} too: it is dead, or its domain has lapsed"
    if first.outcome is not Outcome.FOUND:
        return f"it lists nothing, its own test entry {listed} neither: it is dead, renamed, or hidden from us"
    return ""


def row(look: Look, one: Blocklist, entry: str) -> Row:
    """Whether `entry` is on the list. The list is known to work."""
    looked = look(one.question(entry), "A")
    base = {"name": f"{entry} on {one.zone}", "entry": entry, "list": one.zone}
    if not looked.answered:
        return {**base, "verdict": int(Verdict.UNKNOWN), "said": f"was not answered: {looked.said}"}
    reasons, refusals = one.meaning(looked.records)
    if refusals:
        return {**base, "verdict": int(Verdict.UNKNOWN), "said": f"was not answered: {refusals[0]}"}
    if not reasons:
        return {**base, "verdict": int(Verdict.OK), "said": "is not listed"}
    verdict = Verdict.BAD if one.weight == "bad" else Verdict.WARN
    told = look(one.question(entry), "TXT").texts[:2]
    return {
        **base,
        "verdict": int(verdict),
        "said": f"is listed: {', '.join(dict.fromkeys(reasons))}",
        "because": [excerpt(text, 200) for text in told],
        "delist": one.delist,
        "remedy": f"Find out what was sent, and stop it, before you ask {one.zone} to take {entry} off: {one.delist}"
        if one.delist
        else "",
    }
