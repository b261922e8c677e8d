"""Links as filters and readers see them: what is suspicious about where one leads."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tasks.content.markup import Link

LONGEST_LINK = 2_000
# Filters cannot see behind them, and spammers use the same: most blocklists of domains hold some.
SHORTENERS = {
    "bit.ly",
    "goo.gl",
    "is.gd",
    "ow.ly",
    "rebrand.ly",
    "t.co",
    "tinyurl.com",
    "buff.ly",
    "cutt.ly",
    "shorturl.at",
}
SPOKEN_SCHEMES = {"https", "http", "mailto", "tel", "sms", "cid", ""}
_URL_IN_TEXT = re.compile(r"https?://[^\s<>\"']{1,2000}")
_NAME = re.compile(r"(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?![\w.@])", re.IGNORECASE)


def in_text(text: str) -> list[Link]:
    """The links of a text without markup, where one clicks what one reads."""
    return [Link(target=found, words=found) for found in _URL_IN_TEXT.findall(text)]


def wrong_with(link: Link) -> Iterator[str]:
    """What is suspicious about a link, in words; nothing: nothing."""
    target = link.target[:LONGEST_LINK]
    if len(link.target) > LONGEST_LINK:
        yield f"longer than {LONGEST_LINK:,} characters"
    try:
        parts = urlsplit(target)
        host = (parts.hostname or "").lower()
    except ValueError:
        yield "no address that can be read"
        return
    if parts.scheme.lower() not in SPOKEN_SCHEMES:
        yield f"leads to “{parts.scheme[:20]}:”"
        return
    if parts.scheme not in ("http", "https"):
        # An empty one is a hole in the template; `#` leads nowhere, on purpose.
        if not target:
            yield "leads nowhere"
        return
    yield from _wrong_host(host)
    if parts.username is not None:
        yield "holds a name in front of the host"
    if parts.scheme == "http":
        yield "is not encrypted (http)"
    shown = _NAME.match(link.words.strip())
    if shown and host and not _same_site(shown[1].lower(), host):
        yield "shows another domain than it leads to"


def host_of(link: Link) -> str:
    """The host of an http link; empty if it has none."""
    try:
        parts = urlsplit(link.target[:LONGEST_LINK])
        return (parts.hostname or "").lower() if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _wrong_host(host: str) -> Iterator[str]:
    if not host:
        yield "has no host"
    elif _is_ip(host):
        yield "leads to an IP address"
    elif host in SHORTENERS:
        yield "is shortened"
    elif "xn--" in host or not host.isascii():
        yield "has a host in other letters"


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _same_site(shown: str, host: str) -> bool:
    """A sub-domain of what is shown, or what is shown of it: trackers of one's own domain are no deceit."""
    a, b = (name.removeprefix("www.") for name in (shown, host))
    return a == b or a.endswith(f".{b}") or b.endswith(f".{a}") or a.split(".")[-2:] == b.split(".")[-2:]
