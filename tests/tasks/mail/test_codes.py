"""What servers say when they take no mail, and what that says about the address."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.mail.codes import LONGEST_SAID, TABLE, Kind, failed, reason, table

SAID = [
    # Codes and words agree.
    (
        "smtp; 550 5.1.1 <jane@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
        "",
        Kind.HARD,
    ),
    ("550 5.1.1 no such address", "5.1.1", Kind.HARD),
    ("smtp; 552 5.2.2 mailbox full", "5.2.2", Kind.SOFT),
    ("smtp;550 5.7.1 client host [192.0.2.1] blocked using zen.blocklist.example", "5.7.1", Kind.BLOCK),
    # Postfix: the Status field has lost what the Diagnostic-Code still says.
    ("smtp; 550 4.2.2 the quota is used up", "5.0.0", Kind.SOFT),
    ("smtp; 451 5.7.1 not today", "4.0.0", Kind.BLOCK),
    # Exim: the Status field is 5.0.0 whatever was said.
    ("smtp; 550 5.2.1 closed", "5.0.0", Kind.HARD),
    ("smtp; 452 4.2.2 over quota", "5.0.0", Kind.SOFT),
    ("smtp; 550 no such user here", "5.0.0", Kind.HARD),
    # OpenSMTPD: no report at all, one line of text.
    ("550 Invalid recipient: <jane@example.com>", "", Kind.HARD),
    # The words know more than the code.
    ("smtp; 550 5.1.1 rejected because of your reputation", "5.1.1", Kind.BLOCK),
    ("smtp; 550 5.7.1 user unknown", "5.7.1", Kind.HARD),
    ("smtp; 550 5.4.1 Recipient address rejected: Access denied. [mx.example]", "5.4.1", Kind.HARD),
    ("smtp; 550 5.7.1 Access denied", "5.7.1", Kind.BLOCK),
    ("smtp; 450 4.7.1 greylisted, come back in 300 seconds", "4.7.1", Kind.SOFT),
    ("smtp; 550 5.1.8 Sender address rejected: Domain not found", "5.1.8", Kind.BLOCK),
    ("smtp; 554 5.7.1 Relay access denied", "5.7.1", Kind.BLOCK),
    ("smtp; 421 4.7.0 deferred because of unexpected volume or user complaints", "4.7.0", Kind.BLOCK),
    ("smtp; 550 5.7.26 This mail is unauthenticated", "5.7.26", Kind.BLOCK),
    # The code knows more than the words.
    ("smtp; 550 5.7.509 no", "", Kind.BLOCK),
    ("smtp; 550 5.1.10 no", "", Kind.HARD),
    ("smtp; 554 5.3.4 no", "", Kind.SOFT),
    # Of class 4 anywhere: never the end of an address.
    ("smtp; 450 4.1.1 user unknown", "4.1.1", Kind.SOFT),
    ("smtp; 550 4.1.1 user unknown", "5.0.0", Kind.SOFT),
    ("smtp; 451 5.1.1 user unknown", "5.1.1", Kind.SOFT),
    ("user unknown", "4.1.1", Kind.SOFT),
    # Our own server on the way there.
    ("X-Postfix; Host or domain name not found. Name service error: Host not found", "5.4.4", Kind.HARD),
    ("X-Postfix; connect to mx.example[192.0.2.1]:25: Connection timed out", "4.4.1", Kind.SOFT),
    ("host mx.blocked.example[192.0.2.1] said: 550 5.1.1 user unknown (in reply to RCPT TO)", "", Kind.HARD),
    # Several lines, each with the code at its head; the words run across them.
    ("smtp; 550-5.1.1 There is no such\n 550-5.1.1 user here. See\n 550 5.1.1 https://mx.example/", "5.1.1", Kind.HARD),
    # Hyphens, and links and addresses that are no words of the server's.
    ("smtp; 550 5.0.0 you are on our black-list", "5.0.0", Kind.BLOCK),
    ("smtp; 550 5.1.1 <spam@example.com> unknown user, see https://mx.example/policy/blocked?spam", "", Kind.HARD),
    ("smtp; 550 5.1.1 the inspfector is not in", "", Kind.HARD),
    # Bare codes: by none of them alone an address is ended.
    ("550", "", Kind.UNKNOWN),
    ("smtp; 550 no", "5.0.0", Kind.UNKNOWN),
    ("554 transaction failed", "", Kind.UNKNOWN),
    ("", "5.0.0", Kind.UNKNOWN),
    ("", "", Kind.UNKNOWN),
    ("550 mailbox unavailable", "", Kind.HARD),
    ("450 mailbox unavailable", "", Kind.SOFT),
    ("552 no", "", Kind.SOFT),
    ("", "5.1.1", Kind.HARD),
    ("", "5.1.1 (bad destination mailbox)", Kind.HARD),
    ("", "4.4.7", Kind.SOFT),
    ("", "not a status", Kind.UNKNOWN),
    # Numbers that are no codes.
    ("smtp; the host 5.1.1.7 answered with 550 bytes", "", Kind.UNKNOWN),
    ("smtp; 5.70.1 no", "", Kind.UNKNOWN),
]


@pytest.mark.parametrize(("said", "status", "kind"), SAID)
def test_it_tells_the_kinds_apart(said: str, status: str, kind: Kind) -> None:
    assert reason(said, status=status).kind is kind


@pytest.mark.parametrize("sign", TABLE, ids=lambda sign: sign.means)
def test_each_row_of_the_table_can_be_met(sign: object) -> None:
    """A row that an earlier one always wins over would be shown to people, and mean nothing."""
    won = [reason(said, status=status).means for said, status, _ in SAID]
    others = [
        *(
            "552 storage used",
            "553 no",
            "450 no",
            "smtp; 550 5.7.17 no",
            "550 5.1.8 no",
            "550 message contains a virus",
        ),
        *("451 4.7.1 throttled", "550 mailbox disabled", "550 no such domain", "smtp; 450 4.9.9 no", "550 policy"),
        *("550 5.4.4 no", "550 5.2.1 no", "550 5.2.3 no", "550 5.3.0 no", "550 5.2.2 no"),
    ]
    assert getattr(sign, "means", "") in {*won, *(reason(said).means for said in others)}


def test_it_says_by_which_row_and_codes() -> None:
    found = reason("smtp; 550 4.2.2 full", status="5.0.0")
    assert (found.means, found.reply, found.status) == ("The mailbox is full.", "550", "4.2.2")


def test_it_takes_the_reply_code_that_a_provider_tells_apart() -> None:
    assert reason("mailbox unavailable", reply=550).kind is Kind.HARD
    assert reason("mailbox unavailable", reply=450).kind is Kind.SOFT


@pytest.mark.parametrize(
    ("before", "kind"), [(LONGEST_SAID - len(" user unknown"), Kind.HARD), (LONGEST_SAID, Kind.UNKNOWN)]
)
def test_it_reads_no_further_than_it_says(before: int, kind: Kind) -> None:
    said = "550 " + "x" * (before - 4) + " user unknown"
    assert reason(said).kind is kind


@pytest.mark.parametrize(
    ("action", "lost"),
    [("failed", True), (" Failed ", True), ("delayed", False), ("delivered", False), ("relayed", False), ("", False)],
)
def test_delayed_is_not_failed(action: str, lost: bool) -> None:
    assert failed(action) is lost


def test_its_table_is_the_one_that_people_are_shown() -> None:
    rows = table()
    assert rows[-1] == {"kind": "soft", "means": "The mailbox is full.", "reply": "552", "status": "", "words": ""}
    assert any(row["status"] == "x.7.*" for row in rows)
    shown = (Path(__file__).parents[3] / "tasks" / "mail" / "README.md").read_text(encoding="utf-8")
    for row in rows:
        line = f"| {' | '.join(str(cell) for cell in row.values())} |"
        assert line in shown, "tasks/mail/README.md shows another table"
    assert shown.count("\n| ") == len(rows) + 1
