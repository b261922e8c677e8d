"""One mail address, or a list of them, read from what others wrote, and shown so that nobody is named."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import idna

# RFC 5321, 4.5.3.1: 64 octets before the @, 255 behind it. A longer text is no address, and is not looked at further.
LONGEST_LOCAL = 64
LONGEST_TEXT = 64 + 1 + 255
# The same section: a path is at most 256 octets, and its angle brackets are two of them.
LONGEST_ADDRESS = 254
# Of a list no more is read: 64 KiB hold some thousand addresses, more than a mail to people has.
LONGEST_LIST = 65_536

# What may stand in front of an @ unquoted (RFC 5322 dot-atom), and letters beyond ASCII (RFC 6531).
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"')
# In a sentence: up to what surrounds an address there.
_IN_TEXT = re.compile(r"[^\s<>@()\[\]\"',;:]{1,64}@[^\s<>@()\"',;]{1,255}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")


class NotAnAddress(ValueError):
    """The text is no mail address that a server would take; the message says why, and shows nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """A mail address. `domain` is in small letters, in the form DNS knows it (`xn--…`), or `[192.0.2.1]`."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """By which two spellings are the same mailbox: hardly any server tells capital letters apart."""
        return f"{self.local.casefold()}@{self.domain}"

    @property
    def masked(self) -> str:
        """`j…@example.com`: enough to find it again for who has the address, and nobody is named."""
        # Of an address of one letter, the first letter is all of it.
        first = self.local[0] if len(self.local) > 1 and self.local[0].isalnum() else ""
        return f"{first}…@{self.domain}"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What a list held: addresses in their order, each once; `unread` counts the entries that are none.

    `whole` is False where the list went on behind `LONGEST_LIST` characters.
    """

    addresses: tuple[Address, ...]
    unread: int = 0
    whole: bool = True


def read(text: str) -> Address:
    """The address in `text`: `jane@example.com`, `<jane@example.com>` or `Jane <jane@example.com>`.

    Comments, groups and source routes are refused: hardly anybody writes them, and parsers disagree about them.

    Raises:
        NotAnAddress: too long, no @, or one side of it is not allowed.
    """
    # A display name in front may be long; it is cut off unread.
    if len(text) > 4 * LONGEST_TEXT:
        raise NotAnAddress(f"{len(text):,} characters are no address: {LONGEST_TEXT} are the most.")
    bare = _within_brackets(text.strip())
    if len(bare.encode(errors="replace")) > LONGEST_TEXT:
        raise NotAnAddress(f"more than {LONGEST_TEXT} octets are no address (RFC 5321).")
    local, at, domain = bare.rpartition("@")
    if not at:
        raise NotAnAddress("there is no @ in it.")
    address = Address(local=_local(local), domain=_domain(domain))
    if len(str(address).encode(errors="replace")) > LONGEST_ADDRESS:
        raise NotAnAddress(f"longer than the {LONGEST_ADDRESS} octets a server takes (RFC 5321).")
    return address


def masked(text: str) -> str:
    """`text` as an address that may be shown; `…` where it is none."""
    try:
        return read(text).masked
    except NotAnAddress:
        return "…"


def masked_in(text: str) -> str:
    """`text`, a server's words for one, with every address in it masked."""
    return _IN_TEXT.sub(lambda found: _masked_with_end(found[0]), text)


def read_all(text: str) -> Listed:
    """Every address of a list as it stands in To or Cc: separated by commas, semicolons or line ends."""
    entries = _entries(text[:LONGEST_LIST])
    found: dict[str, Address] = {}
    unread = 0
    for entry in entries:
        try:
            address = read(entry)
        except NotAnAddress:
            unread += 1
        else:
            found.setdefault(address.key, address)
    return Listed(addresses=tuple(found.values()), unread=unread, whole=len(text) <= LONGEST_LIST)


def _masked_with_end(text: str) -> str:
    """What ends a sentence is no part of the address at its end."""
    bare = text.rstrip(".:!?")
    return masked(bare) + text[len(bare) :]


def _within_brackets(text: str) -> str:
    if not text.endswith(">"):
        return text
    before, bracket, bare = text[:-1].rpartition("<")
    if not bracket:
        raise NotAnAddress("it closes a bracket that it never opened.")
    # `<a@example.com> <b@example.com>` are two, and which one is meant is anybody's guess.
    if "<" in _QUOTED.sub("", before):
        raise NotAnAddress("there is more than one address in it.")
    return bare.strip()


def _local(local: str) -> str:
    if not local or len(local.encode(errors="replace")) > LONGEST_LOCAL:
        raise NotAnAddress(f"in front of the @ stand 1 to {LONGEST_LOCAL} octets (RFC 5321).")
    if _QUOTED.fullmatch(local):
        return local
    if not local.isprintable() or not all(_ATOM.fullmatch(atom) for atom in local.split(".")):
        raise NotAnAddress("in front of the @ stands what may only stand there quoted, or not at all.")
    return local


def _domain(domain: str) -> str:
    if domain.startswith("[") and domain.endswith("]"):
        return _literal(domain[1:-1])
    try:
        # Only what needs it: IDNA knows no underscores, which some hosts' names have.
        ascii_form = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise NotAnAddress("behind the @ stands no name that DNS knows.") from None
    name = ascii_form.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(len(label) <= 63 and _LABEL.fullmatch(label) for label in labels):
        raise NotAnAddress("behind the @ stands no name that DNS knows.")
    return name


def _literal(text: str) -> str:
    try:
        return f"[{ipaddress.ip_address(text.removeprefix('IPv6:'))}]"
    except ValueError:
        raise NotAnAddress("behind the @ stand brackets with no IP address in them.") from None


def _entries(text: str) -> list[str]:
    """Split where a separator stands outside of quotes and brackets."""
    entries, begin, quoted, bracket, escaped = [], 0, False, False, False
    for at, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in "<>":
            bracket = character == "<"
        elif not quoted and not bracket and character in ",;\r\n":
            entries.append(text[begin:at])
            begin = at + 1
    entries.append(text[begin:])
    return [entry for entry in entries if entry.strip()]
