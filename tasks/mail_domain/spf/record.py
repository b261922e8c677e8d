"""An SPF record as its grammar has it (RFC 7208, 12): its mechanisms and modifiers, or what is wrong with it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from tasks.excerpt import excerpt

VERSION = "v=spf1"
# A record has to fit into an answer; ten look-ups of text are a few kilobytes at most.
LONGEST = 16_384

QUALIFIERS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
# Those for which name servers are asked, of which ten are allowed (4.6.4); and `redirect`.
ASKING = frozenset({"include", "a", "mx", "ptr", "exists"})

_TERM = re.compile(r"([+\-~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?![a-z0-9_.=-])(.*)", re.IGNORECASE | re.DOTALL)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE | re.DOTALL)
_CIDR = re.compile(r"(.*?)(?:/(0|[1-9]\d*))?(?://(0|[1-9]\d*))?", re.DOTALL)
_MACRO = r"%(?:[%_-]|\{[%s][0-9]*r?[.+,/_=-]*\})"
# In a name; the other three (c, r, t) stand in explanations only.
_NAME_MACRO = _MACRO.replace("[%s]", "[slodiphvSLODIPHV]")
_ANY_MACRO = _MACRO.replace("[%s]", "[slodiphvcrtSLODIPHVCRT]")
_DOMAIN_SPEC = re.compile(
    rf"(?:[\x21-\x24\x26-\x7e]|{_NAME_MACRO})*?(?:\.(?![0-9]+\.?$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?|{_NAME_MACRO})",
    re.IGNORECASE,
)
_MACRO_STRING = re.compile(rf"(?:[\x21-\x24\x26-\x7e]|{_ANY_MACRO})*")
_EXPLAIN_STRING = re.compile(rf"(?:[\x20-\x24\x26-\x7e]|{_ANY_MACRO})*")
_NO_PARTS = re.compile(r"%\{[a-z]0+r?[.+,/_=-]*\}", re.IGNORECASE)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class InvalidRecord(Exception):
    """The record breaks the grammar; the message names the term."""


@dataclass(frozen=True, kw_only=True)
class Mechanism:
    """One directive: what is asked of the sender's address, and what is said when the answer is yes."""

    text: str
    result: str
    name: str
    target: str = ""
    network: Network | None = None
    bits4: int = 32
    bits6: int = 128


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record that keeps to the grammar."""

    text: str
    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""
    explanation: str = ""

    @property
    def has_all(self) -> bool:
        return any(one.name == "all" for one in self.mechanisms)


def is_spf(text: str) -> bool:
    """Does a TXT record mean to be one? Its version stands alone, in letters of any size (4.5)."""
    return text[: len(VERSION)].lower() == VERSION and text[len(VERSION) : len(VERSION) + 1] in ("", " ")


def parsed(text: str) -> Record:
    """The record in `text`, which `is_spf`.

    Raises:
        InvalidRecord: it breaks the grammar anywhere: then the whole of it counts for nothing (4.6).
    """
    if len(text) > LONGEST:
        raise InvalidRecord(f"the record has {len(text):,} characters, more than anybody reads ({LONGEST:,})")
    if not text.isascii():
        raise InvalidRecord("the record holds characters that are not ASCII")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in filter(None, text[len(VERSION) :].split(" ")):
        if found := _TERM.fullmatch(term):
            mechanisms.append(_mechanism(term, found[1] or "+", found[2].lower(), found[3]))
        elif found := _MODIFIER.fullmatch(term):
            _modify(modifiers, term, found[1].lower(), found[2])
        else:
            raise InvalidRecord(f"{_shown(term)} is no term of SPF")
    return Record(
        text=text,
        mechanisms=tuple(mechanisms),
        redirect=modifiers.get("redirect", ""),
        explanation=modifiers.get("exp", ""),
    )


def is_explanation(text: str) -> bool:
    """May `text` be shown to whoever was refused, once its macros are filled in?"""
    return bool(_EXPLAIN_STRING.fullmatch(text)) and not _NO_PARTS.search(text)


def _modify(modifiers: dict[str, str], term: str, name: str, value: str) -> None:
    if name in ("redirect", "exp"):
        if name in modifiers:
            raise InvalidRecord(f"{name}= stands there twice")
        _check_name(term, value)
        modifiers[name] = value
    elif not _MACRO_STRING.fullmatch(value) or _NO_PARTS.search(value):
        raise InvalidRecord(f"{_shown(term)} is no modifier")


def _mechanism(term: str, sign: str, name: str, rest: str) -> Mechanism:
    result = QUALIFIERS[sign]
    if name == "all":
        if rest:
            raise InvalidRecord(f"{_shown(term)}: nothing may follow `all`")
        return Mechanism(text=term, result=result, name=name)
    if name in ("ip4", "ip6"):
        return Mechanism(text=term, result=result, name=name, network=_network(term, name, rest))
    bits4, bits6 = 32, 128
    if name in ("a", "mx"):
        cut = _CIDR.fullmatch(rest)
        rest, four, six = cut.groups() if cut else (rest, None, None)
        bits4, bits6 = int((four or "32")[:4]), int((six or "128")[:4])
        if bits4 > 32 or bits6 > 128:
            raise InvalidRecord(f"{_shown(term)}: a prefix is at most 32 bits, or 128 of IPv6")
    if not rest and name in ("a", "mx", "ptr"):
        return Mechanism(text=term, result=result, name=name, bits4=bits4, bits6=bits6)
    if not rest.startswith(":"):
        raise InvalidRecord(f"{_shown(term)}: a name has to follow, behind a colon")
    _check_name(term, rest[1:])
    return Mechanism(text=term, result=result, name=name, target=rest[1:], bits4=bits4, bits6=bits6)


def _network(term: str, name: str, rest: str) -> Network:
    address, slash, bits = rest.removeprefix(":").partition("/")
    most = 32 if name == "ip4" else 128
    if not rest.startswith(":") or (slash and not re.fullmatch(r"0|[1-9]\d{0,2}", bits)):
        raise InvalidRecord(f"{_shown(term)} is no network")
    kind = ipaddress.IPv4Network if name == "ip4" else ipaddress.IPv6Network
    try:
        return kind(f"{address}/{bits or most}", strict=False)
    except ValueError:
        raise InvalidRecord(f"{_shown(term)} is no network") from None


def _check_name(term: str, spec: str) -> None:
    if not _DOMAIN_SPEC.fullmatch(spec) or _NO_PARTS.search(spec):
        raise InvalidRecord(f"{_shown(term)} names no domain")


def _shown(term: str) -> str:
    return f"“{excerpt(term, 60)}”"
