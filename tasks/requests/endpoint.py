"""Which endpoint a request went to: its path without what differs from one request to the next."""

from __future__ import annotations

import re

from tasks.excerpt import excerpt

# Of a path that somebody made up, no more is shown.
MOST_PARTS = 8
LONGEST_PART = 40
# Numbers, UUIDs and hashes, long mixtures of letters and digits, mail addresses, days. A version (v2) stays.
_ID = re.compile(
    r"\d[\d.,:_-]*|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=[A-Za-z]*\d)[0-9a-fA-F]{8,}"
    r"|(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[\w-]{16,}|[a-z]{1,6}_[A-Za-z0-9]{8,}|.*(?:@|%40).*",
    re.DOTALL,
)


def endpoint(method: str, path: str) -> str:
    """'GET /users/:id/orders'. Of a URL only its path; its query names people and holds keys."""
    bare = path.partition("?")[0].partition("#")[0].partition(";")[0][:1000]
    parts = [_part(one) for one in bare.split("/") if one]
    shown = [*parts[:MOST_PARTS], "…"] if len(parts) > MOST_PARTS else parts
    return excerpt(f"{method.upper()} /{'/'.join(shown)}", 200)


def _part(text: str) -> str:
    return ":id" if len(text) > LONGEST_PART or _ID.fullmatch(text) else text
