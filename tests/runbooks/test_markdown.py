"""Rendered by a real Markdown parser: what a person sees must be what was written."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from runbooks.markdown import block, code, table, text

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

HOSTILE = [
    "a | b", r"a \| b", "*bold* and **bolder**", "_slanted_ __very__", "lock_timeout and pg_stat_activity",
    "<script>alert(1)</script>", "# no heading", "- no list", "+ no list", "1. no list", "1) no list", "> no quote",
    "[no](http://link)", "![no](image)", "a lone ` backtick", "~~not struck~~", "&amp; stays", "R&D", "$x$ and $y$",
    "=== ", "---", "back\\slash", "ends with \\", "trailing [", "<b", "https://example.com/a_b_", "`", "*", "|", "||",
]  # fmt: skip


def seen(markdown: str) -> str:
    """The text of the rendered page, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", RENDERER.render(markdown))).split())


@pytest.mark.parametrize("sentence", HOSTILE)
def test_it_shows_a_sentence_as_it_was_written(sentence: str) -> None:
    assert seen(text(sentence)) == " ".join(sentence.split())
    assert re.findall(r"<(\w+)", RENDERER.render(text(sentence))) == ["p"]


@pytest.mark.parametrize("sentence", HOSTILE)
def test_it_shows_a_cell_as_it_was_written(sentence: str) -> None:
    shown = RENDERER.render(table(["A", "B"], [[text(sentence), "next"]]))
    cells = [html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", shown)]
    assert cells == [" ".join(sentence.split()), "next"]


@pytest.mark.parametrize("word", ["SELECT 1", "a`b", "``", "a|b", "`quoted`"])
def test_it_shows_code_as_it_was_written(word: str) -> None:
    assert html.unescape(RENDERER.render(code(word))) == f"<p><code>{word}</code></p>\n"
    assert f"<td><code>{word}</code></td>" in html.unescape(RENDERER.render(table(["A"], [[code(word)]])))


def test_it_keeps_code_within_a_sentence() -> None:
    assert RENDERER.render(text("Run `SET x = '*'` *now*.")) == "<p>Run <code>SET x = '*'</code> *now*.</p>\n"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]).filter(lambda c: c != "`")))
def test_it_shows_any_sentence_as_it_was_written(sentence: str) -> None:
    assert seen(text(sentence)) == " ".join(sentence.split())


def test_it_keeps_lists_and_fenced_code_of_a_block() -> None:
    shown = RENDERER.render(
        block("""
        Do this:

        - first <now>
        - second

        ```sql
        SELECT * FROM a_b WHERE c < 1; -- # not a heading
        ```
        # no heading
        """)
    )
    assert "<li>first &lt;now&gt;</li>\n<li>second</li>" in shown
    assert "SELECT * FROM a_b WHERE c &lt; 1; -- # not a heading\n</code>" in shown
    assert "<h1>" not in shown


def test_it_keeps_indented_commands_ready_to_copy() -> None:
    shown = RENDERER.render(
        block("""
        Where `pid` is *known*:

            SELECT * FROM a WHERE pid = <pid>;

            SELECT [1];
        Behind *it*.
        """)
    )
    assert html.unescape(shown) == (
        "<p>Where <code>pid</code> is *known*:</p>\n"
        "<pre><code>SELECT * FROM a WHERE pid = <pid>;\n\nSELECT [1];\n</code></pre>\n"
        "<p>Behind *it*.</p>\n"
    )


@pytest.mark.parametrize("prose", ["A sentence\n    goes <b>on</b>.", "- an item\n\n    goes <b>on</b>."])
def test_it_does_not_take_every_indented_line_for_code(prose: str) -> None:
    shown = RENDERER.render(block(prose))
    assert "<b>" not in shown
    assert "<code>" not in shown


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_it_closes_a_forgotten_fence(fence: str) -> None:
    shown = RENDERER.render(block(f"{fence}\nSELECT 1") + "\n\n## Next")
    assert "<h2>Next</h2>" in shown


def test_it_lets_a_longer_fence_hold_a_shorter_one() -> None:
    prose = "````\n```\nSELECT 1\n```\n````\nbehind *it*"
    assert RENDERER.render(block(prose)).endswith("<p>behind *it*</p>\n")
