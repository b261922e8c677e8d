"""Text from outside that tries to be more than text, and the eyes to see whether it succeeded."""

from __future__ import annotations

import html
import re

from markdown_it import MarkdownIt

# As Prefect's interfaces render it: GitHub's Markdown, and HTML let through.
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

HOSTILE = [
    "x | y |\n|---|---|\n| approved | by the boss |",
    "```\n\n# Approved\n\n```sql\nSELECT 1",
    "`````` ``` ` ~~~",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</code></pre><h1>Approved</h1>",
    "[click](https://evil.example) ![seen](https://evil.example/pixel.png)",
    "# Approved\n\n**Will do:** nothing\n\n- [x] done",
    "\x1b[2J\x1b[31mred\x07\x00",
    "‮approved⁦​",
    "line\u2028break\rreturn",
    "&lt;b&gt; &amp;",
    "\\| \\` \\",
]
# What a reader would take for ours, or a browser would run. Tables, code and emphasis are.
OURS = {"p", "h1", "h2", "h3", "strong", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "em", "ul", "li"}


def rendered(markdown: str) -> str:
    return str(RENDERER.render(markdown))


def tags(markdown: str) -> list[str]:
    """The names of all elements, in order."""
    return re.findall(r"<([a-z]\w*)", rendered(markdown))


def seen(markdown: str) -> str:
    """What a reader sees, without the elements."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", rendered(markdown))).split())
