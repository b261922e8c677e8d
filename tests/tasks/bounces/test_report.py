"""What real servers write when they give a mail up, and what the standards allow beside it."""

from __future__ import annotations

import pytest

from tasks.bounces.report import MOST_RECIPIENTS, Report, report
from tasks.mail.codes import Kind
from tests.tasks.bounces.mailbox import complaint, failed, sample

ALL_SERVERS = {
    "unknown@example.net": Kind.HARD,
    "full@example.net": Kind.SOFT,
    "block@example.net": Kind.BLOCK,
    "lines@example.net": Kind.HARD,
    "bare+tag@example.net": Kind.UNKNOWN,
}


def told(found: Report) -> dict[str, Kind]:
    return {str(bounce.address): bounce.reason.kind for bounce in found.bounces}


@pytest.mark.parametrize(
    ("server", "kinds"),
    [
        ("postfix", ALL_SERVERS),
        # It gave up what another server only put off: a temporary code in a report that says 5.0.0.
        ("exim", {**ALL_SERVERS, "later@example.net": Kind.SOFT}),
        # Its report has no words; they stand in the text for people.
        ("opensmtpd", ALL_SERVERS),
        ("postfix_utf8", {"lines@xn--bcher-kva.example": Kind.HARD, "unknown+jürgen@example.net": Kind.HARD}),
    ],
)
def test_it_reads_every_recipient_of_a_real_server(server: str, kinds: dict[str, Kind]) -> None:
    for raw in (sample(server), sample(server).replace(b"\n", b"\r\n")):
        found = report(raw)
        assert (told(found), found.waiting, found.cut) == (kinds, 0, False)


def test_delayed_is_not_failed() -> None:
    found = report(sample("postfix_delayed"))
    assert (found.bounces, found.waiting, found.is_one) == ((), 1, True)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", ""])
def test_good_news_is_no_bounce(action: str) -> None:
    assert not report(failed(("jane@example.com", "2.0.0", "250 ok"), action=action)).is_one


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ("Final-Recipient: rfc822; far@example.net\nOriginal-Recipient: rfc822; jane@example.com", "jane@example.com"),
        ("Final-Recipient: rfc822; jane@example.com", "jane@example.com"),
        ("Original-Recipient: rfc822;jane@example.com", "jane@example.com"),
        ("Final-Recipient: rfc822; <jane@example.com>", "jane@example.com"),
        ("Final-Recipient: rfc822;x@example.net\nOriginal-Recipient: rfc822;ja+2Bne@example.com", "ja+ne@example.com"),
        ("Final-Recipient: utf-8; j\\x{FC}rgen@example.com", "jürgen@example.com"),
        ("Final-Recipient: utf-8; jürgen@bücher.example", "jürgen@xn--bcher-kva.example"),
        ("Final-Recipient: utf-8; j\\x{D800}x@example.com", "j\ufffdx@example.com"),
        ("Final-Recipient: rfc822;\n jane@example.com", "jane@example.com"),
    ],
)
def test_it_tells_whom_we_wrote_to(fields: str, address: str) -> None:
    raw = failed(("X", "5.1.1", "")).replace(b"Final-Recipient: rfc822; X", fields.encode())
    assert [str(bounce.address) for bounce in report(raw).bounces] == [address]


def test_an_address_that_is_none_is_a_bounce_all_the_same() -> None:
    found = report(failed((f"{'a' * 400}@example.com", "5.1.1", "550 5.1.1 user unknown")))
    assert [(bounce.address, bounce.masked, bounce.reason.kind) for bounce in found.bounces] == [(None, "…", Kind.HARD)]


def test_a_report_that_is_encoded_is_read() -> None:
    raw = failed(("jane@example.com", "5.1.1", "550 5.1.1 user unknown"))
    encoded = raw.replace(
        b"message/delivery-status\n\n", b"message/delivery-status\nContent-Transfer-Encoding: quoted-printable\n\n"
    ).replace(b"550 5.1.1 user", b"550 5.1.1 =75ser")
    assert told(report(encoded)) == {"jane@example.com": Kind.HARD}


@pytest.mark.parametrize("recipients", [MOST_RECIPIENTS, MOST_RECIPIENTS + 1])
def test_it_reads_no_more_recipients_than_it_says(recipients: int) -> None:
    found = report(failed(*((f"a{n}@example.com", "5.1.1", "") for n in range(recipients))))
    assert len(found.bounces) == MOST_RECIPIENTS
    assert found.cut is (recipients > MOST_RECIPIENTS)


def test_the_beginning_of_a_large_one_is_enough() -> None:
    raw = failed(("jane@example.com", "5.1.1", "550 5.1.1 user unknown"))
    begin = raw[: raw.index(b"message/rfc822")] + b"message/rfc822\n\nSubject: Hello\n\n" + b"x" * 100
    found = report(begin, whole=False)
    assert (told(found), found.cut) == ({"jane@example.com": Kind.HARD}, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: Out of office\nAuto-Submitted: auto-replied\n\njane@example.com: 550 5.1.1 user unknown\n",
        b"Content-Type: message/delivery-status\n\n",
        b"Content-Type: multipart/report; boundary=b\n\n--b--\n",
        complaint("auth-failure"),
        complaint("no such type"),
    ],
)
def test_what_reports_nothing_is_no_report(raw: bytes) -> None:
    assert not report(raw).is_one


@pytest.mark.parametrize("kind", ["abuse", "fraud", "virus", "opt-out", "other", "Abuse"])
def test_it_reads_a_complaint(kind: str) -> None:
    (found,) = report(complaint(kind, "jane@example.com")).complaints
    assert (found.type, str(found.address), found.reporter) == (kind.lower(), "jane@example.com", "provider/1.0")


def test_a_complaint_counts_once_whatever_it_claims() -> None:
    assert len(report(complaint(more="Incidents: 999999\n")).complaints) == 1


def test_it_reads_each_address_of_a_complaint() -> None:
    assert len(report(complaint("abuse", "jane@example.com", "joe@example.com")).complaints) == 2


def test_praise_is_no_complaint() -> None:
    found = report(complaint("not-spam"))
    assert (found.complaints, found.praise, found.is_one) == ((), 1, True)
