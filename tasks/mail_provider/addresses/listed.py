"""Which addresses the mail provider sends nothing to, and which of them for no good reason."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.mail.addresses import NotAnAddress, read
from tasks.mail.codes import Kind
from tasks.mail_provider.told import Cause, Suppressed, Suppressions
from tasks.mail_provider.vendor import Vendor

# Of a longer list what stands behind that is not looked at; the sentence says so.
MOST_LISTED = 2000


def listed(api: Vendor) -> Suppressions:
    """The list, as much of it as is looked at."""
    return api.suppressions(MOST_LISTED)


def wrongly(suppressions: Suppressions) -> list[Suppressed]:
    """Those that are there for a bounce that says nothing against the address: it was full, or we were not wanted."""
    return [one for one in suppressions.found if one.cause is Cause.BOUNCE and one.kind in (Kind.SOFT, Kind.BLOCK)]


def suppressed_of(api: Vendor, addresses: Iterable[str]) -> frozenset[str]:
    """Which of `addresses` nothing is sent to already."""
    wanted = {same(one): one for one in addresses}
    told = listed(api)
    found = {same(one.address) for one in told.found} & wanted.keys()
    if not told.whole:
        found |= {key for key in wanted.keys() - found if api.is_suppressed(wanted[key])}
    return frozenset(wanted[key] for key in found)


def same(address: str) -> str:
    """By which two spellings are one mailbox."""
    try:
        return read(address).key
    except NotAnAddress:
        return address.casefold()
