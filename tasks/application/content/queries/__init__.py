"""The questions about what mails say, and to whom. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

# `{{name}}`, `*|NAME|*`, `{name}`, `%name%`: what template languages leave where nothing was filled in. Each within a
# length, and no part of it repeats a part: looked for in one pass. A `%` is written twice, as psycopg wants it. The
# encoded bytes of a link (%AF%BC) have two letters at most.
_PLACEHOLDER = r"\{\{[^{}]{1,60}\}\}|\*\|[^|*]{1,60}\|\*|\{[A-Za-z_][A-Za-z0-9_.]{0,40}\}|%%[A-Za-z_]{3,40}%%"

_TOKENS = _read("tokens").replace("{token}", _PLACEHOLDER)

TOKENS_QUEUED = _TOKENS.replace("{which}", _read("which_queued"))
TOKENS_SENT = _TOKENS.replace("{which}", _read("which_sent"))
INCOMPLETE = _read("incomplete")
FORGET_NAME = _read("forget_name")
