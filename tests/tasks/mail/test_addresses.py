"""Addresses from outside: read whole or refused, shown so that nobody is named."""

from __future__ import annotations

import pytest

from tasks.mail.addresses import (
    LONGEST_ADDRESS,
    LONGEST_LIST,
    LONGEST_LOCAL,
    LONGEST_TEXT,
    NotAnAddress,
    masked,
    masked_in,
    read,
    read_all,
)

LABEL = "a" * 63
LONG_DOMAIN = f"{LABEL}.{LABEL}.{LABEL}"


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("jane@example.com", "jane@example.com", "j…@example.com"),
        ("  <Jane@Example.COM> ", "Jane@example.com", "J…@example.com"),
        ("Jane Doe <jane@example.com>", "jane@example.com", "j…@example.com"),
        ('"Doe, Jane <x>" <jane@example.com>', "jane@example.com", "j…@example.com"),
        ("j@example.com", "j@example.com", "…@example.com"),
        ("jane+news@example.com", "jane+news@example.com", "j…@example.com"),
        ('"jane doe"@example.com', '"jane doe"@example.com', "…@example.com"),
        ('"jane@home"@example.com', '"jane@home"@example.com', "…@example.com"),
        ("jane@bücher.example", "jane@xn--bcher-kva.example", "j…@xn--bcher-kva.example"),
        ("jürgen@example.com", "jürgen@example.com", "j…@example.com"),
        ("jane@[192.0.2.1]", "jane@[192.0.2.1]", "j…@[192.0.2.1]"),
        ("jane@[IPv6:2001:DB8::1]", "jane@[2001:db8::1]", "j…@[2001:db8::1]"),
        ("jane@mail_1.example.com.", "jane@mail_1.example.com", "j…@mail_1.example.com"),
        ("_x@example.com", "_x@example.com", "…@example.com"),
    ],
)
def test_it_reads_and_masks(text: str, address: str, shown: str) -> None:
    found = read(text)
    assert (str(found), found.masked, masked(text)) == (address, shown, shown)


@pytest.mark.parametrize(
    "text",
    [
        *("", "jane", "@example.com", "jane@", "jane@@example.com", "jane..doe@example.com", ".jane@example.com"),
        *("jane doe@example.com", "jane@exa mple.com", "jane@-example.com", "jane@example..com", "jane@[not-an-ip]"),
        *("<a@example.com> <b@example.com>", "jane@example.com>", "jane@example.com\x00", "ja\x1bne@example.com"),
        *(
            "ja\u202ene@example.com",
            "jane@exa\u202emple.com",
            "jane@example.com, joe@example.com",
            "(x)jane@example.com",
        ),
        *("@relay.example,@other.example:jane@example.com", '"jane@example.com', "jane@xn--", "jane@\ud800.example"),
    ],
)
def test_it_refuses_and_shows_nothing_of_it(text: str) -> None:
    with pytest.raises(NotAnAddress) as refused:
        read(text)
    assert "jane" not in str(refused.value)
    assert masked(text) == "…"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("a" * LONGEST_LOCAL + "@example.com", True),
        ("a" * (LONGEST_LOCAL + 1) + "@example.com", False),
        ("ü" * (LONGEST_LOCAL // 2) + "@example.com", True),
        ("ü" * (LONGEST_LOCAL // 2 + 1) + "@example.com", False),
        ("a" * (LONGEST_ADDRESS - 192) + "@" + LONG_DOMAIN, True),
        ("a" * (LONGEST_ADDRESS - 191) + "@" + LONG_DOMAIN, False),
        ("a@" + LABEL + ".example", True),
        ("a@" + LABEL + "a.example", False),
        ("x" * (4 * LONGEST_TEXT - len(" <a@example.com>")) + " <a@example.com>", True),
        ("x" * (4 * LONGEST_TEXT - len(" <a@example.com>") + 1) + " <a@example.com>", False),
    ],
)
def test_it_takes_what_a_server_takes_and_not_one_more(text: str, taken: bool) -> None:
    if taken:
        read(text)
    else:
        with pytest.raises(NotAnAddress):
            read(text)


def test_it_knows_the_same_mailbox_in_capitals() -> None:
    assert read("Jane@Example.com").key == read("jane@example.COM").key


def test_it_reads_a_list_and_counts_what_is_none() -> None:
    found = read_all(
        '"Doe, Jane" <jane@example.com>, joe@example.com;JANE@example.com,nobody,\r\n "a\\",b"@example.com'
    )
    assert [one.masked for one in found.addresses] == ["j…@example.com", "j…@example.com", "…@example.com"]
    assert (found.unread, found.whole) == (1, True)


def test_it_says_that_a_list_went_on() -> None:
    entry = "a@example.com,"
    whole = entry * (LONGEST_LIST // len(entry))
    whole += " " * (LONGEST_LIST - len(whole))
    assert read_all(whole).whole
    assert not read_all(whole + " ").whole


@pytest.mark.parametrize("text", ["", " , ;\n"])
def test_it_finds_nobody_in_an_empty_list(text: str) -> None:
    assert read_all(text).addresses == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("550 <jane@example.com>: no such user", "550 <j…@example.com>: no such user"),
        ("no mailbox jane@example.com.", "no mailbox j…@example.com."),
        ("mailto:jane@example.com,joe@example.com", "mailto:j…@example.com,j…@example.com"),
        ("to=jane@@example", "to=jane@@example"),
        ("x" * 70 + "@example.com", "x" * 6 + "x…@example.com"),
        ("jane@-.-", "…"),
        ("no address", "no address"),
    ],
)
def test_it_masks_addresses_within_words(text: str, shown: str) -> None:
    assert masked_in(text) == shown
