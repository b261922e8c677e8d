"""Sentences as Markdown that shows them as they were written, whatever signs they hold."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence

# `code` stays code: runbooks name settings and commands that way. A lone backtick is only a sign.
_CODE = re.compile(r"(`[^`\n]+`)")
# An underscore inside a word means nothing to Markdown, and `lock\_timeout` would be ugly to read in the file.
_SIGNS = re.compile(r"[\\`*<\[\]~$]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_BEGINNING = re.compile(r"^([#>+=-]|\d+(?=[.)](?: |$)))")
_BULLET = re.compile(r"^(\s*(?:[-*+]|\d+[.)])\s+)(.*)$")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")


def text(sentence: str) -> str:
    """One line: `code` is kept, every other sign that Markdown or HTML would act on is shown as it stands."""
    parts = _CODE.split(" ".join(sentence.split()))
    shown = "".join(part if n % 2 else _SIGNS.sub(r"\\\g<0>", part) for n, part in enumerate(parts))
    # `# ` would begin a heading and `1.` a list; after a number the sign to escape is the one that follows it.
    return _BEGINNING.sub(lambda begun: f"{begun[1]}\\" if begun[1].isdigit() else f"\\{begun[1]}", shown)


def block(prose: str) -> str:
    """Some paragraphs. Lists and code are kept as the author wrote them, and a forgotten fence is closed."""
    return "\n".join(_block_lines(inspect.cleandoc(prose).splitlines()))


def _block_lines(lines: Iterable[str]) -> Iterator[str]:
    fence, above = "", _Above()
    for line in lines:
        marker = _FENCE.match(line)
        if fence or marker:
            yield line
            fence = _after(fence, marker, line)
        elif above.is_code(line):
            yield line
        elif bullet := _BULLET.match(line):
            yield bullet[1] + text(bullet[2])
        else:
            yield " " * (len(line) - len(line.lstrip())) + text(line)
    if fence:
        yield fence


class _Above:
    """What stands above a line, as far as it decides whether four spaces mean code."""

    def __init__(self) -> None:
        self.open = True  # behind a blank line, or within code: a paragraph's own lines may be indented as they like
        self.listed = False  # four spaces under a bullet only continue its item

    def is_code(self, line: str) -> bool:
        """Is `line` indented code? Takes note of it either way."""
        if not line.strip():
            self.open = True
            return False
        if not line.startswith(" "):
            self.listed = bool(_BULLET.match(line))
        self.open = self.open and not self.listed and line.startswith("    ")
        return self.open


def _after(fence: str, marker: re.Match[str] | None, line: str) -> str:
    """The fence that is open behind this line: a longer or equal one of the same sign, alone on its line, closes it."""
    if not fence:
        return marker[1] if marker else ""
    closes = marker is not None and marker[1].startswith(fence) and line.strip() == marker[1]
    return "" if closes else fence


def code(word: str) -> str:
    """`word` as code, between more backticks than it holds."""
    fence = "`" * (max(map(len, re.findall(r"`+", word)), default=0) + 1)
    pad = " " if "`" in word else ""
    return f"{fence}{pad}{' '.join(word.split())}{pad}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown cells; a pipe within a cell is no border."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(shown: str) -> str:
    return shown.replace("|", r"\|")
