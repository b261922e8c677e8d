"""Messages taken apart: as Python's own parser does where they are well formed, and within our limits where not."""

from __future__ import annotations

import email
from email import policy
from email.message import EmailMessage
from email.message import Message as Parsed

import pytest

from tasks.mail.parts import (
    LONGEST_BOUNDARY,
    LONGEST_FIELD,
    MOST_FIELDS,
    MOST_LEVELS,
    MOST_PARTS,
    fields_of,
    spoken,
    taken_apart,
)


def newsletter() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Lab <news@lab.example>"
    message["Subject"] = "Grüße aus dem Labor, mit vielen Worten, die eine Zeile allein nicht mehr halten kann"
    message["List-Unsubscribe"] = f"<https://lab.example/u/{'a' * 90}>"
    message.set_content("Grüße\n")
    message.add_alternative("<p>Grüße</p>\n", subtype="html", charset="iso-8859-1")
    message.add_attachment(b"\x00\x01\x02" * 50, maintype="application", subtype="pdf", filename="a.pdf")
    message.add_attachment(EmailMessage())
    return message


def kinds(parsed: Parsed) -> list[tuple[str, bytes | None]]:
    """As Python walks it; what is attached as a message stays one part."""
    found = [(parsed.get_content_type(), None if parsed.is_multipart() else parsed.get_payload(decode=True))]
    if parsed.get_content_maintype() == "multipart":
        found += [one for part in parsed.get_payload() for one in kinds(part)]  # type: ignore[arg-type]
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("line_end", [policy.SMTP, policy.default])
def test_it_reads_what_python_reads(line_end: policy.EmailPolicy) -> None:
    raw = newsletter().as_bytes(policy=line_end)
    message = taken_apart(raw)
    ours = [(part.kind, None if part.is_multipart else part.decoded()[0]) for part in message.parts]
    theirs = kinds(email.message_from_bytes(raw, policy=policy.compat32))
    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs]
    texts = [(a, b) for (kind, a), (_, b) in zip(ours, theirs, strict=True) if not kind.startswith(("m",))]
    assert len(texts) == 3
    assert all(
        (a or b"").replace(b"\r\n", b"\n").strip() == (b or b"").replace(b"\r\n", b"\n").strip() for a, b in texts
    )
    assert message.wrong == ()


def test_it_reads_texts_in_their_charset() -> None:
    message = taken_apart(newsletter().as_bytes())
    assert [part.text() for part in message.of_kind("text/plain", "text/html")] == [
        ("Grüße\n", ()),
        ("<p>Grüße</p>\n", ()),
    ]


@pytest.mark.parametrize("length", [40, 79, 80, 90, 400])
def test_it_reads_a_url_however_long_python_wrote_it(length: int) -> None:
    """From 80 characters on, Python makes encoded words of it, in several lines."""
    url = f"https://lab.example/u/{'a' * length}"
    message = EmailMessage()
    message["List-Unsubscribe"] = f"<{url}>"
    raw = message.as_bytes()
    assert (b"=?utf-8?" in raw) == (length >= 79)
    assert spoken(taken_apart(raw).fields.first("list-unsubscribe")).replace(" ", "") == f"<{url}>"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?b?R3LDvMOfZQ==?= =?utf-8?q?_dich?=", "Grüße dich"),
        ("=?no-such-charset?q?x?=", "=?no-such-charset?q?x?="),
        ("=?utf-8?b?R3L?=", "Gr"),
        ("=?utf-8?q?=FF?=", "=?utf-8?q?=FF?="),
        ("=?utf-8?q?unfinished", "=?utf-8?q?unfinished"),
    ],
)
def test_it_reads_encoded_words(value: str, read: str) -> None:
    assert spoken(value) == read


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        (b"Subject: x\n\nbody", ()),
        (b"\nbody only", ()),
        (b"", ()),
        (b"From news Mon\nSubject: x\n\n", ()),
        (b"Subject: x\nno header\n\n", ("a line among the headers that is no header",)),
        (b"Content-Type: multipart/mixed\n\n", ("multipart/mixed without a boundary of 1 to 70 characters",)),
        (
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n",
            ("multipart/mixed that is never closed",),
        ),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b--\n", ("multipart/mixed with nothing in it",)),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n", ()),
    ],
)
def test_it_says_what_is_broken(raw: bytes, wrong: tuple[str, ...]) -> None:
    assert taken_apart(raw).wrong == wrong


@pytest.mark.parametrize(
    ("headers", "body", "wrong"),
    [
        ("Content-Transfer-Encoding: base64", b"R3I=", ""),
        ("Content-Transfer-Encoding: base64", b"R3I", "base64 that ends too early"),
        ("Content-Transfer-Encoding: base64", b"R3I*", "base64 that is none"),
        ("Content-Transfer-Encoding: rot13", b"x", "an unknown Content-Transfer-Encoding in text/plain"),
        ("Content-Type: text/plain; charset=none-such", b"x", "an unknown charset in text/plain"),
        ("Content-Type: text/plain; charset=punycode", b"x", "an unknown charset in text/plain"),
        ("Content-Type: text/plain; charset=zlib", b"x", "an unknown charset in text/plain"),
        (f"Content-Type: text/plain; charset={'x' * 41}", b"x", "an unknown charset in text/plain"),
        ("Content-Type: text/plain; charset=utf-8", b"\xff", "bytes in text/plain that are not of its charset"),
        ("Content-Type: text/plain; charset=us-ascii", "ü".encode(), ""),
        ("Content-Type: text/plain; charset=iso-8859-1", b"\xfc", ""),
    ],
)
def test_it_says_what_is_broken_about_a_body(headers: str, body: bytes, wrong: str) -> None:
    part = taken_apart(headers.encode() + b"\n\n" + body).root
    assert part.text()[1] == ((wrong,) if wrong else ())


def test_what_was_cut_off_is_no_fault() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nbegun"
    message = taken_apart(raw, whole=False)
    assert (message.parts[1].body, message.wrong) == (b"begun", ())


def test_a_line_that_only_begins_like_a_boundary_is_text() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--bc\n--b x\n --b\n--b--  \n"
    assert taken_apart(raw).parts[1].body == b"--bc\n--b x\n --b"


def test_it_looks_at_no_more_levels_than_it_says() -> None:
    def nested(levels: int) -> bytes:
        raw = b"\nx"
        for level in range(levels, 0, -1):
            boundary = b"b%d" % level
            raw = b"Content-Type: multipart/mixed; boundary=%b\n\n--%b\n%b\n--%b--\n" % (
                *(boundary, boundary, raw, boundary),
            )
        return raw

    too_deep = f"parts within parts on more than {MOST_LEVELS} levels"
    assert taken_apart(nested(MOST_LEVELS - 1)).wrong == ()
    assert taken_apart(nested(MOST_LEVELS)).wrong == (too_deep,)
    assert taken_apart(nested(MOST_LEVELS + 1)).wrong == (too_deep,)


@pytest.mark.parametrize(("parts", "wrong"), [(MOST_PARTS - 1, ()), (MOST_PARTS, (f"more than {MOST_PARTS} parts",))])
def test_it_looks_at_no_more_parts_than_it_says(parts: int, wrong: tuple[str, ...]) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * parts + b"--b--\n"
    assert taken_apart(raw).wrong == wrong


def test_it_reads_no_more_of_a_header_than_it_says() -> None:
    most = b"x: " + b"a" * (LONGEST_FIELD - 3)
    assert fields_of(most).wrong == ()
    longer = fields_of(most + b"a")
    assert longer.wrong == (f"a header field longer than {LONGEST_FIELD:,} characters",)
    assert len(longer.first("x")) == LONGEST_FIELD - 3
    # Folded, too.
    assert fields_of(most[:-10] + b"\n " + b"a" * 10).wrong == longer.wrong
    assert fields_of(b"a: b\n" * MOST_FIELDS).wrong == ()
    assert fields_of(b"a: b\n" * (MOST_FIELDS + 1)).wrong == (f"more than {MOST_FIELDS} header fields",)


@pytest.mark.parametrize(("length", "taken"), [(LONGEST_BOUNDARY, True), (LONGEST_BOUNDARY + 1, False)])
def test_it_takes_a_boundary_as_long_as_the_standard_does(length: int, taken: bool) -> None:
    boundary = "b" * length
    raw = f"Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n\nx\n--{boundary}--\n".encode()
    assert (len(taken_apart(raw).parts) == 2) is taken


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/mixed; boundary=b", "b"),
        ('multipart/mixed; boundary="b c"', "b c"),
        ('multipart/mixed;boundary="b\\"c"', 'b"c'),
        ('multipart/mixed; x="; boundary=no"; Boundary=b', "b"),
        ("multipart/mixed;\n\tboundary=b", "b"),
        ("multipart/mixed", ""),
    ],
)
def test_it_reads_parameters(header: str, boundary: str) -> None:
    assert taken_apart(f"Content-Type: {header}\n\n".encode()).root.parameter("boundary") == boundary


def test_a_type_that_is_none_is_text() -> None:
    assert taken_apart(b"Content-Type: nonsense\n\nx").root.kind == "text/plain"
