"""Lists of tags, `v=DKIM1; k=rsa; p=…`, as DKIM, DMARC and their neighbours write them (RFC 6376, 3.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tasks.excerpt import excerpt

# No record of the kind is longer; what is, is not read.
LONGEST = 16_384
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class InvalidTags(Exception):
    """It is no list of tags; the message names the place."""


def tags(text: str) -> Mapping[str, str]:
    """The values by name, in the order in which they stand. Blanks around both do not count.

    Raises:
        InvalidTags: a part has no name or no `=`, or a name stands there twice: then the whole list is invalid.
    """
    if len(text) > LONGEST:
        raise InvalidTags(f"it has {len(text):,} characters, more than anybody reads ({LONGEST:,})")
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if not part.strip():
            continue
        if not equals or not _NAME.fullmatch(name.strip()):
            raise InvalidTags(f"“{excerpt(part, 40)}” is no tag")
        if name.strip() in found:
            raise InvalidTags(f"{name.strip()}= stands there twice")
        found[name.strip()] = value.strip()
    return found
