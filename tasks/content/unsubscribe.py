"""How a reader leaves a list by the mail program's own button: List-Unsubscribe, and one click (RFC 2369, RFC 8058)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tasks.mail.parts import Fields, spoken

_TARGET = re.compile(r"<([^<>]{1,8000})>")
ONE_CLICK = "list-unsubscribe=one-click"


@dataclass(frozen=True, kw_only=True)
class Unsubscribe:
    """The ways off the list that a message names. `wrong`: what keeps receivers from using them, worst first."""

    https: tuple[str, ...]
    mailto: tuple[str, ...]
    one_click: bool
    wrong: tuple[str, ...]

    @property
    def named(self) -> bool:
        return bool(self.https or self.mailto)


def unsubscribe(fields: Fields) -> Unsubscribe:
    """What the headers of a message say about it."""
    written = fields.every("list-unsubscribe")
    # Blanks within brackets are none of the address's: they come from folding (RFC 2369, 2).
    targets = ["".join(found.split()) for value in written for found in _TARGET.findall(spoken(value))]
    https = tuple(target for target in targets if _scheme(target) == "https")
    mailto = tuple(target for target in targets if _scheme(target) == "mailto")
    post = [" ".join(spoken(value).split()).lower() for value in fields.every("list-unsubscribe-post")]
    one_click = bool(https) and post == [ONE_CLICK]
    wrong = []
    if not written:
        wrong.append("no List-Unsubscribe")
    elif not (https or mailto):
        wrong.append("a List-Unsubscribe without an https or mailto address in brackets")
    elif not https:
        wrong.append("no https address in List-Unsubscribe")
    if (https or mailto) and not one_click:
        wrong.append("no List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    if len(written) > 1:
        wrong.append("more than one List-Unsubscribe")
    if any("=?" in value for value in written):
        wrong.append("a List-Unsubscribe in encoded words, which most receivers do not read")
    if one_click and fields.has("dkim-signature") and not _signed(fields):
        wrong.append("a DKIM signature that leaves List-Unsubscribe out, which voids the one click")
    return Unsubscribe(https=https, mailto=mailto, one_click=one_click, wrong=tuple(wrong))


def _scheme(target: str) -> str:
    try:
        return urlsplit(target).scheme.lower()
    except ValueError:
        return ""


def _signed(fields: Fields) -> bool:
    """Does one signature cover both headers (RFC 8058, 4)?"""
    wanted = {"list-unsubscribe", "list-unsubscribe-post"}
    for value in fields.every("dkim-signature"):
        tags = dict(tag.partition("=")[::2] for tag in "".join(value.split()).split(";"))
        if wanted <= set(tags.get("h", "").lower().split(":")):
            return True
    return False
