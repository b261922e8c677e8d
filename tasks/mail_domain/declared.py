"""Records that are declared, beside those that are published: what differs, and the lines that put it right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tasks.dns.looked import Looked
from tasks.dns.names import Name
from tasks.excerpt import excerpt

# A character string has a length of one byte (RFC 1035, 3.3); what is longer stands in several.
STRING = 255
# The versions by which records of different meaning stand under one name; each has at most one there.
_VERSION = re.compile(r"\s*v\s*=\s*(spf1|dmarc1|stsv1|tlsrptv1|bimi1)(?=[\s;]|$)", re.IGNORECASE)
KINDS = ("TXT", "CNAME", "MX", "A", "AAAA")
SHOWN = 300


class Declared(BaseModel):
    """One record as it ought to be published, most often word by word what a provider asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    type: str = "TXT"
    value: str = Field(min_length=1, max_length=4096)

    @field_validator("type")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind.upper() not in KINDS:
            raise ValueError(f"{kind!r}: only {', '.join(KINDS)} can be declared")
        return kind.upper()

    @property
    def plain(self) -> str:
        return plain(self.type, self.value)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A name, a type, and of several TXT records there those of one version: what is declared for it, what is found."""

    name: str
    kind: str
    version: str
    wanted: tuple[str, ...]
    looked: Looked

    @property
    def found(self) -> tuple[str, ...]:
        """The records that stand in this place."""
        return tuple(value for value in values(self.looked) if in_place(self, value))

    @property
    def differs(self) -> bool:
        return sorted(self.found) != sorted(self.wanted)

    @property
    def beside(self) -> tuple[str, ...]:
        """What else stands under the name, and is to stay."""
        return tuple(value for value in values(self.looked) if not in_place(self, value))

    @property
    def meant(self) -> str:
        """What its record is for, by its version: spf1, dkim1, dmarc1 …"""
        return "dkim1" if "._domainkey." in self.name else self.version

    @property
    def said(self) -> str:
        """What is wrong, in words."""
        version = f" ({self.version})" if self.version else ""
        if not self.found:
            return f"has no {self.kind}{version}, though it is declared"
        if len(self.found) > len(self.wanted):
            return f"has {len(self.found)} {self.kind}{version}, declared: {len(self.wanted)}"
        return f"{self.kind}{version} is not as declared"


def places(declared: Iterable[Declared], look: Callable[[str, str], Looked]) -> list[Place]:
    """Each place for which something is declared."""
    wanted: dict[tuple[str, str, str], list[str]] = {}
    for one in declared:
        wanted.setdefault((one.name, one.type, version_of(one.name, one.type, one.plain)), []).append(one.plain)
    return [
        Place(name=name, kind=kind, version=version, wanted=tuple(values), looked=look(name, kind))
        for (name, kind, version), values in wanted.items()
    ]


def version_of(name: str, kind: str, value: str) -> str:
    """By what a TXT record is told from others of its name; empty where the name is its own alone."""
    if kind != "TXT" or "._domainkey." in name:
        return ""
    found = _VERSION.match(value)
    # A proof of ownership and the like: it is there or not, and others beside it are nobody's business.
    return found[1].lower() if found else f"={value}"


def in_place(place: Place, value: str) -> bool:
    return version_of(place.name, place.kind, value) == place.version


def values(looked: Looked) -> tuple[str, ...]:
    """What was found, in the form in which it is compared."""
    if looked.kind == "TXT":
        # An alias speaks for another name; none of its records is ours to change.
        return tuple(plain("TXT", text) for text in looked.texts)
    return tuple(plain(looked.kind, record) for record in looked.records)


def plain(kind: str, value: str) -> str:
    """A record's value as two are compared: names in small letters without their last dot, blanks as one."""
    if kind == "TXT":
        return " ".join(value.split())
    return " ".join(value.lower().split()).removesuffix(".")


def line(name: str, kind: str, value: str, ttl_s: int = 300) -> str:
    """A record as a zone file has it, a long text in strings of 255 bytes."""
    return f"{name}. {ttl_s} IN {kind} {data(kind, value)}"


def data(kind: str, value: str) -> str:
    """A record's value as a zone file has it. A text is quoted: unquoted it would end at its first semicolon."""
    if kind != "TXT":
        return value if kind in ("A", "AAAA") else f"{value.removesuffix('.')}."
    return " ".join(f'"{_quoted(part)}"' for part in split(value))


def split(value: str) -> list[bytes]:
    """The character strings of a text: at most 255 bytes each."""
    raw = value.encode("latin-1", errors="replace")
    return [raw[n : n + STRING] for n in range(0, len(raw), STRING)] or [b""]


def _quoted(part: bytes) -> str:
    return "".join(
        f"\\{chr(byte)}" if byte in b'"\\' else chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03d}" for byte in part
    )


def remedy(name: str, kind: str, wanted: Sequence[str], found: Sequence[str]) -> str:
    """What to publish, beside what stands there."""
    publish = "\n".join(line(name, kind, value) for value in wanted)
    there = "\n".join(f"  {excerpt(line(name, kind, value), SHOWN)}" for value in found[:5])
    instead = f"\nin place of\n{there}" if found else "\nThere is none now."
    return f"Publish\n{publish}{instead}"
