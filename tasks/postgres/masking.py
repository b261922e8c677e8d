"""Statements as people may read them: without their literals, on one line, not too long."""

from __future__ import annotations

import re

LONGEST = 300

# Taken apart as Postgres does it. Whatever is not closed reaches to the end: the server itself cuts long statements
# (track_activity_query_size), often in the middle of a literal.
_TOKEN = re.compile(
    r"""
      (?P<line>--[^\r\n]*)
    | (?P<block>/\*)
    | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*+(?:'|\\?\Z))
    | (?P<plain>'(?:[^']|'')*+(?:'|\Z))
    | (?P<parameter>\$\d+)
    | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
    | (?P<name>"(?:[^"]|"")*+")
    | (?P<unclosed>".*)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\.?\d[\w.]*)
    | (?P<space>[\s\x00-\x1f\x7f-\x9f]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def masked(statement: str) -> str:
    """`statement` with every string and number replaced by `?`, comments dropped, cut after `LONGEST` characters.

    Names stay, quoted ones too: without them nobody could tell which statement it is.
    """
    said = " ".join("".join(_parts(statement)).split())
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def _parts(statement: str) -> list[str]:
    parts: list[str] = []
    at = 0
    while token := _TOKEN.match(statement, at):
        at = token.end()
        match token.lastgroup:
            case "line" | "block" | "space":
                parts.append(" ")
                at = _after_comment(statement, at) if token.lastgroup == "block" else at
            case "escaped" | "number":
                parts.append("?")
            case "dollar":
                parts.append("?")
                closing = statement.find(token.group(), at)
                at = closing + len(token.group()) if closing >= 0 else len(statement)
            case "plain" if "\\'" not in token.group():
                parts.append("?")
            # Where \' ends a string or not depends on a setting of that session: show nothing of what follows.
            case "plain" | "unclosed":
                return [*parts, "?"]
            case _:
                parts.append(token.group())
    return parts


def _after_comment(statement: str, at: int) -> int:
    """Where the comment opened before `at` ends; comments nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(statement, at):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(statement)
