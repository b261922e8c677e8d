"""HTML of mails: what is linked, what is read, and that broken pages end."""

from __future__ import annotations

import pytest

from tasks.content.links import LONGEST_LINK, in_text, wrong_with
from tasks.content.markup import LONGEST_BODY, MOST_LINKS, Link, page


@pytest.mark.parametrize(
    ("markup", "links"),
    [
        ('<a href="https://a.example">Go <b>there</b></a>', [("https://a.example", "Go there")]),
        ("<A HREF='https://a.example/?b=1&amp;c=2'>x</A>", [("https://a.example/?b=1&c=2", "x")]),
        ("<a class=x href=https://a.example>x</a>", [("https://a.example", "x")]),
        ('<a title="a > b" href="x">y</a>', [("x", "y")]),
        ("<a href=a>one<a href=b>two", [("a", "one"), ("b", "two")]),
        ("<a name=top>x</a>", []),
        ("<!-- <a href=a>x</a> --><a href=b>y</a>", [("b", "y")]),
        ("<style>a:after{content:'<a href=a>'}</style><a href=b>y</a>", [("b", "y")]),
        ("<a href=>x</a>", [("", "x")]),
        ("<a href=a><img src=b></a>", [("a", "")]),
        ("1 < 2 <a href=b>y</a>", [("b", "y")]),
        ('<a href="a>x</a>', [("", "x")]),
    ],
)
def test_it_reads_links(markup: str, links: list[tuple[str, str]]) -> None:
    assert [(link.target, link.words) for link in page(markup).links] == links


@pytest.mark.parametrize(
    ("markup", "text", "images"),
    [
        ("<p>Gr&uuml;&szlig;e</p><p>dich</p>", "Grüße dich", 0),
        ("<title>x</title><body>y<img src=a><IMG src=b>", "y", 2),
        ("<script>x</script>y<style>z</style>", "y", 0),
        ("a&nbsp;b", "a b", 0),
        ("1 < 2", "1 < 2", 0),
    ],
)
def test_it_reads_words(markup: str, text: str, images: int) -> None:
    found = page(markup)
    assert (found.text, found.images) == (text, images)


@pytest.mark.parametrize(
    ("markup", "closed"),
    [
        ("<p>x", True),
        ("<p", False),
        ("<!-- x", False),
        ("<style>x", False),
        ("<a href='x", False),
        ("<!doctype html>x", True),
        ("", True),
        ("x<", True),
    ],
)
def test_it_says_whether_a_page_ends_within_a_tag(markup: str, closed: bool) -> None:
    assert page(markup).closed is closed


def test_it_reads_no_more_than_it_says() -> None:
    link = "<a href=b>x</a>"
    assert len(page(" " * (LONGEST_BODY - len(link)) + link).links) == 1
    assert page(" " * (LONGEST_BODY - len(link) + 1) + link).closed is False
    assert page(" " * LONGEST_BODY + link).links == []
    assert page(link * MOST_LINKS).more_links is False
    assert page(link * (MOST_LINKS + 1)).more_links is True


@pytest.mark.parametrize(
    ("target", "words", "wrong"),
    [
        ("https://lab.example/x", "Read on", []),
        ("https://www.lab.example/x", "lab.example", []),
        ("https://click.lab.example/x", "https://www.lab.example/offer", []),
        ("mailto:a@lab.example", "Write", []),
        ("tel:+49305550100", "Call", []),
        ("#top", "Up", []),
        ("https://lab.example", "see version 2.0.1", []),
        ("https://other.example/x", "bank.example/login", ["shows another domain than it leads to"]),
        ("http://lab.example", "x", ["is not encrypted (http)"]),
        ("https://192.0.2.1/x", "x", ["leads to an IP address"]),
        ("https://[2001:db8::1]/x", "x", ["leads to an IP address"]),
        ("https://bit.ly/x", "x", ["is shortened"]),
        ("https://lab.example@other.example/", "x", ["holds a name in front of the host"]),
        ("https://xn--bcher-kva.example", "x", ["has a host in other letters"]),
        ("https://bücher.example", "x", ["has a host in other letters"]),
        ("javascript:x()", "x", ["leads to “javascript:”"]),
        ("https://", "x", ["has no host"]),
        ("https://[x", "x", ["no address that can be read"]),
        ("", "x", ["leads nowhere"]),
        ("https://lab.example/" + "x" * (LONGEST_LINK - 20), "x", []),
        ("https://lab.example/" + "x" * (LONGEST_LINK - 19), "x", [f"longer than {LONGEST_LINK:,} characters"]),
    ],
)
def test_it_knows_suspicious_links(target: str, words: str, wrong: list[str]) -> None:
    assert list(wrong_with(Link(target=target, words=words))) == wrong


def test_it_finds_links_in_a_text() -> None:
    found = in_text("See https://a.example/x and <https://b.example>, not ftp://c.example.")
    assert [link.target for link in found] == ["https://a.example/x", "https://b.example"]
