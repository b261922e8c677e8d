"""Questions put to a mailbox that is filled as a mail server does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.bounces.checks import (
    ON_ITS_WAY_S,
    check_feedback_reports,
    check_returned_again,
    check_returned_by_domain,
    check_returned_mails,
)
from tasks.bounces.system import Bounces
from tasks.model import Finding, Refused, Verdict
from tests.tasks.bounces.mailbox import complaint, deliver, failed, mailbox, sample

HARD = ("5.1.1", "550 5.1.1 user unknown")
SOFT = ("4.2.2", "452 4.2.2 mailbox full")
BLOCK = ("5.7.1", "554 5.7.1 blocked using bl.example")
DAY_S = 86_400


def by_kind(folder: Path, **given: object) -> Finding:
    return check_returned_mails.fn(mailbox(folder, **given))


def put(folder: Path, count: int, why: tuple[str, str], *, domain: str = "example.com", ago_s: float = 60) -> None:
    mailbox(folder)
    for number in range(count):
        deliver(folder, failed((f"a{number}@{domain}", *why)), ago_s=ago_s)


def test_it_says_what_came_back(tmp_path: Path) -> None:
    box = mailbox(tmp_path)
    for server in ("postfix", "exim", "opensmtpd", "postfix_delayed"):
        deliver(tmp_path, sample(server))
    found = check_returned_mails.fn(box)
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "6 mails bounced hard in the last 24 hours (bad from 5); 4 softly, 3 blocked (bad from 10), 3 for no reason "
        "that can be read; still being tried: 1."
    )
    assert found.rows[0] == {
        "kind": "hard",
        "why": "Nobody has that address.",
        "mails": 6,
        "for one": found.rows[0]["for one"],
    }
    assert "block@" not in str(found)


@pytest.mark.parametrize(
    ("hard", "sent", "verdict"),
    [
        (0, None, Verdict.OK),
        (1, None, Verdict.OK),
        (2, None, Verdict.WARN),
        (4, None, Verdict.WARN),
        (5, None, Verdict.BAD),
        # So few that a rate says nothing.
        (5, 199, Verdict.BAD),
        (4, 199, Verdict.WARN),
        (3, 200, Verdict.OK),
        (4, 200, Verdict.WARN),
        (9, 200, Verdict.WARN),
        (10, 200, Verdict.BAD),
        (5, 20_000, Verdict.OK),
    ],
)
def test_it_judges_a_rate_where_there_is_one(tmp_path: Path, hard: int, sent: int | None, verdict: Verdict) -> None:
    put(tmp_path, hard, HARD)
    assert by_kind(tmp_path, mails_a_day=sent).verdict is verdict


@pytest.mark.parametrize(
    ("blocks", "verdict"), [(0, Verdict.OK), (1, Verdict.WARN), (9, Verdict.WARN), (10, Verdict.BAD)]
)
def test_it_judges_what_is_blocked(tmp_path: Path, blocks: int, verdict: Verdict) -> None:
    put(tmp_path, blocks, BLOCK)
    assert by_kind(tmp_path, mails_a_day=100_000).verdict is verdict


def test_full_mailboxes_wake_nobody(tmp_path: Path) -> None:
    put(tmp_path, 30, SOFT)
    assert by_kind(tmp_path).verdict is Verdict.OK


def test_it_counts_a_time_and_no_mail_twice(tmp_path: Path) -> None:
    put(tmp_path, 2, HARD, ago_s=DAY_S + 600)
    path = deliver(tmp_path, failed(("new@example.com", *HARD)), ago_s=DAY_S - 600)
    assert by_kind(tmp_path).value == 1
    # A mail program has seen it.
    path.rename(tmp_path / "cur" / f"{path.name}:2,S")
    assert by_kind(tmp_path).value == 1
    # Listed in both, for the moment in which it moves.
    deliver(tmp_path, b"").unlink()
    (tmp_path / "new" / path.name).write_bytes((tmp_path / "cur" / f"{path.name}:2,S").read_bytes())
    assert by_kind(tmp_path).value == 1


def test_it_reads_no_more_of_a_message_than_it_says(tmp_path: Path) -> None:
    report = failed(("jane@example.com", *HARD))
    begin = report[: report.index(b"--b--")]
    exact = begin + b"x" * (4096 - len(begin) - len(b"\n--b--\n")) + b"\n--b--\n"
    mailbox(tmp_path)
    deliver(tmp_path, exact)
    assert "first" not in by_kind(tmp_path, most_bytes=4096).says
    deliver(tmp_path, exact + b"\n")
    found = by_kind(tmp_path, most_bytes=4096)
    assert found.value == 2
    assert found.says.endswith(" Large messages of which only the first 4.0 KiB were read: 1.")


def test_a_report_behind_what_it_reads_is_not_taken_for_health(tmp_path: Path) -> None:
    mailbox(tmp_path)
    deliver(tmp_path, b"Subject: x\n\n" + b"x" * 2000)
    found = by_kind(tmp_path, most_bytes=1024)
    assert found.verdict is Verdict.WARN
    assert found.says.endswith(
        " Large messages of which only the first 1.0 KiB were read: 1. Messages not read, or not as far as a report: 1."
    )


def test_it_says_how_many_it_left_out(tmp_path: Path) -> None:
    put(tmp_path, 3, SOFT)
    assert by_kind(tmp_path, most_messages=3).verdict is Verdict.OK
    found = by_kind(tmp_path, most_messages=2)
    assert found.verdict is Verdict.WARN
    assert found.says.endswith(" Messages not read, or not as far as a report: 1.")


def test_it_opens_no_letter_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, 2, HARD)
    monkeypatch.setattr("tasks.bounces.arrived.OPENED_WITHIN_S", -1)
    assert by_kind(tmp_path).says.endswith(" Messages not read, or not as far as a report: 2.")


def test_it_follows_no_link_and_waits_for_no_pipe(tmp_path: Path) -> None:
    put(tmp_path / "mail", 1, HARD)
    outside = tmp_path / "outside"
    outside.write_bytes(failed(("jane@example.com", *HARD)))
    (tmp_path / "mail" / "new" / "link").symlink_to(outside)
    os.mkfifo(tmp_path / "mail" / "new" / "pipe")
    assert by_kind(tmp_path / "mail").value == 1


@pytest.mark.parametrize(
    "check", [check_returned_mails, check_returned_by_domain, check_returned_again, check_feedback_reports]
)
def test_it_changes_nothing(tmp_path: Path, check: object) -> None:
    box = mailbox(tmp_path)
    deliver(tmp_path, sample("exim"))
    before = sorted((str(path), path.stat().st_mtime) for path in tmp_path.rglob("*"))
    check.fn(box)  # type: ignore[attr-defined]
    assert sorted((str(path), path.stat().st_mtime) for path in tmp_path.rglob("*")) == before


def test_it_says_who_blocks_us(tmp_path: Path) -> None:
    put(tmp_path, 10, BLOCK, domain="big.example")
    put(tmp_path, 12, HARD)
    found = check_returned_by_domain.fn(mailbox(tmp_path))
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "big.example blocked 10 mails of ours in the last 24 hours (bad from 10): “554 5.7.1 blocked using bl.example”."
    )
    assert [row["domain"] for row in found.rows] == ["big.example", "example.com"]


@pytest.mark.parametrize(
    ("blocks", "verdict"), [(2, Verdict.OK), (3, Verdict.WARN), (9, Verdict.WARN), (10, Verdict.BAD)]
)
def test_it_judges_one_domain(tmp_path: Path, blocks: int, verdict: Verdict) -> None:
    put(tmp_path, blocks, BLOCK, domain="big.example")
    assert check_returned_by_domain.fn(mailbox(tmp_path)).verdict is verdict


def test_it_speaks_when_nobody_blocks(tmp_path: Path) -> None:
    box = mailbox(tmp_path)
    assert check_returned_by_domain.fn(box).says == "No mail came back in the last 24 hours."
    put(tmp_path, 2, HARD)
    assert check_returned_by_domain.fn(box).says == (
        "No domain blocked us in the last 24 hours; most mails came back from example.com: 2."
    )


def test_an_address_that_is_mailed_again_is_told(tmp_path: Path) -> None:
    box = mailbox(tmp_path)
    deliver(tmp_path, failed(("jane@example.com", *HARD)), ago_s=10 * DAY_S)
    deliver(tmp_path, failed(("Jane@Example.com", *HARD)), ago_s=60)
    found = check_returned_again.fn(box)
    assert found.verdict is Verdict.WARN
    assert found.says == (
        "1 address bounced hard and was mailed again within 14 days (bad from 5); 0 addresses bounced softly 3 times "
        "or more."
    )
    assert (found.rows[0]["address"], found.rows[0]["hard"]) == ("J…@example.com", 2)
    assert "jane@" not in str(found).lower()


@pytest.mark.parametrize(("apart_s", "again"), [(ON_ITS_WAY_S - 60, 0), (ON_ITS_WAY_S + 60, 1)])
def test_mail_that_was_on_its_way_says_nothing(tmp_path: Path, apart_s: float, again: int) -> None:
    box = mailbox(tmp_path)
    deliver(tmp_path, failed(("jane@example.com", *HARD)), ago_s=60 + apart_s)
    deliver(tmp_path, failed(("jane@example.com", *HARD)), ago_s=60)
    assert check_returned_again.fn(box).value == again


@pytest.mark.parametrize(
    ("times", "why", "verdict"), [(2, SOFT, Verdict.OK), (3, SOFT, Verdict.WARN), (9, BLOCK, Verdict.OK)]
)
def test_a_mailbox_that_stays_full_is_told(tmp_path: Path, times: int, why: tuple[str, str], verdict: Verdict) -> None:
    box = mailbox(tmp_path)
    for day in range(times):
        deliver(tmp_path, failed(("jane@example.com", *why)), ago_s=day * DAY_S + 60)
    assert check_returned_again.fn(box).verdict is verdict


@pytest.mark.parametrize(
    ("complaints", "sent", "verdict"),
    [
        (0, None, Verdict.OK),
        (1, None, Verdict.WARN),
        (3, None, Verdict.BAD),
        (2, 999, Verdict.WARN),
        (3, 999, Verdict.BAD),
        (1, 10_000, Verdict.OK),
        (8, 10_000, Verdict.WARN),
        (30, 10_000, Verdict.BAD),
    ],
)
def test_it_judges_complaints(tmp_path: Path, complaints: int, sent: int | None, verdict: Verdict) -> None:
    box = mailbox(tmp_path, mails_a_day=sent)
    for number in range(complaints):
        deliver(tmp_path, complaint("abuse", f"a{number}@example.com"))
    deliver(tmp_path, complaint("not-spam"))
    found = check_feedback_reports.fn(box)
    assert (found.verdict, found.facts) == (verdict, {"complaints": complaints, "not spam": 1})


@pytest.mark.parametrize(
    ("missing", "says"),
    [("new", "new does not exist: a Maildir has the folders new and cur."), ("cur", "cur does not exist")],
)
def test_no_mailbox_is_no_health(tmp_path: Path, missing: str, says: str) -> None:
    box = mailbox(tmp_path)
    (tmp_path / missing).rmdir()
    with pytest.raises(Refused, match=says):
        check_returned_mails.fn(box)
    assert [found.verdict for found in box.examine()] == [Verdict.BAD]


def test_the_doctor_says_what_lies_there(tmp_path: Path) -> None:
    put(tmp_path, 2, HARD)
    (found,) = mailbox(tmp_path).examine()
    assert found.says == f"The bounce mailbox {tmp_path} can be read: 2 messages of the last 14 days."


def test_it_wants_the_whole_path() -> None:
    with pytest.raises(ValidationError, match="write the whole path"):
        Bounces(maildir=Path("mail"))


def test_what_a_stranger_writes_is_shown_as_text_and_names_nobody(tmp_path: Path) -> None:
    box = mailbox(tmp_path)
    said = "550 5.7.1 \x1b[31mblocked\u202e <jane@example.com> " + "x" * 500
    deliver(tmp_path, failed(("jane@example.com", "5.7.1", said)))
    deliver(tmp_path, complaint("abuse", "jane@example.com").replace(b"provider/1.0", b"\x1b[31m jane@example.com"))
    for check in (check_returned_mails, check_returned_by_domain, check_returned_again, check_feedback_reports):
        found = check.fn(box)
        shown = str([found.says, found.rows])
        assert "jane@" not in shown
        assert all(letter not in found.says + "".join(map(str, found.rows)) for letter in ("\x1b", "\u202e"))
        assert len(shown) < 1_500
