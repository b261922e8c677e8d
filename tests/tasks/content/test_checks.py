"""Questions about messages before they are sent; the filters have a file of their own."""

from __future__ import annotations

import os
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.content.checks import (
    check_authentication_results,
    check_content_tokens,
    check_links,
    check_mime,
    check_spam_score,
    check_unsubscribe_header,
)
from tasks.content.markup import LONGEST_BODY
from tasks.content.signs import SIGNS, table
from tasks.content.system import Content
from tasks.model import Refused, Verdict
from tests.tasks.content.messages import HTML, ONE_CLICK, TEXT, content, newsletter

ALL = (check_content_tokens, check_links, check_mime, check_spam_score, check_unsubscribe_header)
LONG = f"<https://lab.example/u/{'a' * 80}>"


@pytest.mark.parametrize("check", ALL)
def test_a_good_one_is_good(tmp_path: Path, check: Any) -> None:
    assert check.fn(content(tmp_path, newsletter())).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("headers", "verdict", "says"),
    [
        ({"List_Unsubscribe": ""}, Verdict.BAD, "no List-Unsubscribe: 1"),
        ({"List_Unsubscribe_Post": ""}, Verdict.WARN, "no List-Unsubscribe-Post: List-Unsubscribe=One-Click: 1"),
        ({"List_Unsubscribe_Post": "List-Unsubscribe=Yes"}, Verdict.WARN, "no List-Unsubscribe-Post"),
        ({"List_Unsubscribe": "<mailto:leave@lab.example>"}, Verdict.WARN, "no https address in List-Unsubscribe: 1"),
        ({"List_Unsubscribe": "<http://lab.example/u>"}, Verdict.BAD, "without an https or mailto address"),
        ({"List_Unsubscribe": "https://lab.example/u"}, Verdict.BAD, "without an https or mailto address"),
        ({"DKIM_Signature": "v=1; h=from:subject"}, Verdict.WARN, "a DKIM signature that leaves"),
        ({"DKIM_Signature": "v=1; h=from:List-Unsubscribe:List-Unsubscribe-Post"}, Verdict.OK, "1 of 1 message let"),
        ({"List_Unsubscribe": LONG}, Verdict.OK, "1 of 1 message let"),
    ],
)
def test_it_knows_the_ways_off_the_list(tmp_path: Path, headers: dict[str, str], verdict: Verdict, says: str) -> None:
    found = check_unsubscribe_header.fn(content(tmp_path, newsletter(**headers)))
    assert found.verdict is verdict
    assert says in found.says


@pytest.mark.parametrize(("more", "encoded"), [(0, False), (80, True)])
def test_it_reads_a_long_address_as_python_writes_it(tmp_path: Path, more: int, encoded: bool) -> None:
    """Python's default makes encoded words of it: we read it, most receivers do not."""
    message = EmailMessage()
    message["From"], message["List-Unsubscribe-Post"] = "news@lab.example", ONE_CLICK
    message["List-Unsubscribe"] = f"<https://lab.example/u/{'a' * more}>"
    message.set_content(TEXT)
    found = check_unsubscribe_header.fn(content(tmp_path, message.as_bytes()))
    assert (b"=?utf-8?" in message.as_bytes()) is encoded
    assert found.verdict is (Verdict.WARN if encoded else Verdict.OK)
    assert ("in encoded words" in found.says) is encoded
    assert "no https" not in found.says


def test_receipts_need_no_way_off_the_list(tmp_path: Path) -> None:
    found = check_unsubscribe_header.fn(content(tmp_path, newsletter(List_Unsubscribe=""), bulk=False))
    assert found.verdict is Verdict.OK


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "News for {{ first_name }}"},
        {"text": "Hello {{name}}\n"},
        {"html": "<p>Hello {{name}}</p>"},
        {"html": '<a href="https://lab.example/{{id}}">x</a>'},
        {"html": '<img src="https://lab.example/p.png" alt="*|FNAME|*">'},
        {"text": "Hello %recipient.name%\n"},
        {"text": "Hello %FIRST_NAME%\n"},
        {"text": "{% if name %}Hello{% endif %}\n"},
        {"text": "Hello ${user.name}\n"},
        {"text": "Hello <%= name %>\n"},
        {"html": "<p>Hello <%= name %></p>"},
        {"text": "Hello [First Name]\n"},
        {"text": "Hello ,\n"},
        {"text": "Hi undefined,\n"},
        {"From": "{{sender}} <news@lab.example>"},
        {"List_Unsubscribe": "<https://lab.example/u/{{token}}>"},
    ],
)
def test_it_finds_what_nobody_filled_in(tmp_path: Path, changes: dict[str, str]) -> None:
    found = check_content_tokens.fn(content(tmp_path, newsletter(**changes), newsletter()))
    assert (found.verdict, found.value) == (Verdict.BAD, 1)
    assert found.rows[0]["message"] == "a.eml"


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "100 % of {us}, [1], $5, 50%, %C3%BC, Hello, Jane.\n"},
        {"html": "<style>a{b:c}}</style><p>Hello, Jane</p>"},
        {"html": "<a href='https://lab.example/%C3%BC%20x%20Y'>x</a>"},
        {"text": "Hi, all is none of it undefined.\n"},
    ],
)
def test_it_takes_nothing_else_for_a_placeholder(tmp_path: Path, changes: dict[str, str]) -> None:
    assert check_content_tokens.fn(content(tmp_path, newsletter(**changes))).verdict is Verdict.OK


def test_it_says_which_placeholder_and_where(tmp_path: Path) -> None:
    found = check_content_tokens.fn(content(tmp_path, newsletter(), newsletter(text="Hello {{name}}\n")))
    assert found.says == "1 of 2 messages would be sent with a placeholder in it, “{{name}}” in b.eml for one."


@pytest.mark.parametrize(
    ("links", "verdict"), [(19, Verdict.OK), (20, Verdict.WARN), (59, Verdict.WARN), (60, Verdict.BAD)]
)
def test_it_judges_how_many_links(tmp_path: Path, links: int, verdict: Verdict) -> None:
    html = '<a href="https://lab.example/n">x</a>' * links
    assert check_links.fn(content(tmp_path, newsletter(html=html))).verdict is verdict


def test_it_says_what_is_suspicious_and_shows_nobody(tmp_path: Path) -> None:
    html = '<a href="http://192.0.2.1/u/jane%40example.com?e=jane@example.com">x</a>'
    found = check_links.fn(content(tmp_path, newsletter(html=html)))
    assert found.verdict is Verdict.WARN
    assert found.says == (
        "The most links in one of 1 message are 1 (bad from 60), to 1 hosts in all; suspicious (leads to an IP "
        "address: 1; is not encrypted (http): 1)."
    )
    assert "jane" not in str(found)


def test_it_reads_the_links_of_a_text_where_there_is_no_html(tmp_path: Path) -> None:
    assert check_links.fn(content(tmp_path, newsletter(html=None, text="http://lab.example/\n"))).value == 1


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (newsletter().replace(b"From: Lab <news@lab.example>\r\n", b""), "no From: 1"),
        (b"From: a@lab.example\nFrom: b@lab.example\n\nx", "more than one From: 1"),
        (b"From: a@lab.example\nno header\n\nx", "a line among the headers that is no header: 1"),
        (b"From: a@lab.example\nContent-Type: multipart/mixed\n\nx", "without a boundary"),
        (b"From: a@lab.example\nContent-Type: text/html\n\n<p>x</p", "HTML that ends within a tag: 1"),
        (b"From: a@lab.example\n\n" + b"x" * 998, ""),
        (b"From: a@lab.example\n\n" + b"x" * 999, "a line longer than 998 characters: 1"),
        (b"From: a@lab.example\nContent-Type: text/plain; charset=utf-8\n\n\xff", "not of its charset: 1"),
    ],
)
def test_it_knows_what_is_broken(tmp_path: Path, raw: bytes, says: str) -> None:
    found = check_mime.fn(content(tmp_path, raw))
    assert found.verdict is (Verdict.BAD if says else Verdict.OK)
    assert says in found.says


@pytest.mark.parametrize("check", ALL)
@pytest.mark.parametrize(("more", "read"), [(0, True), (1, False)])
def test_a_body_that_is_too_long_is_never_simply_good(tmp_path: Path, check: Any, more: int, read: bool) -> None:
    html = HTML + " " * (LONGEST_BODY - len(HTML) - len("\r\n") + more)
    found = check.fn(content(tmp_path, newsletter(html=html)))
    said = f"only the first {LONGEST_BODY:,} characters of a body or 512 KiB of a message were read: 1."
    assert (said in found.says) is not read
    assert found.verdict is (Verdict.OK if read else Verdict.WARN)


@pytest.mark.parametrize("check", ALL)
def test_a_message_that_is_too_long_is_never_simply_good(tmp_path: Path, check: Any) -> None:
    message = newsletter()
    # Behind the last boundary, where nobody reads.
    padded = message + (b" " * 70 + b"\r\n") * 100
    padded = padded[:4096]
    assert check.fn(content(tmp_path, padded, most_bytes=4096)).verdict is Verdict.OK
    found = check.fn(content(tmp_path, padded + b"\n", most_bytes=4096))
    assert found.verdict is Verdict.WARN
    assert "4.0 KiB of a message were read: 1." in found.says


def test_it_says_what_it_did_not_look_at(tmp_path: Path) -> None:
    found = check_mime.fn(content(tmp_path, newsletter(), newsletter(), most_messages=1))
    assert (found.verdict, found.says) == (Verdict.WARN, "0 of 1 message are broken. Not looked at: 1.")


def test_it_follows_no_link_and_waits_for_no_pipe(tmp_path: Path) -> None:
    where = content(tmp_path / "out", newsletter())
    (tmp_path / "outside").write_bytes(newsletter(text="Hello {{name}}\n"))
    (tmp_path / "out" / "link.eml").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "out" / "pipe.eml")
    (tmp_path / "out" / "other.txt").write_text("{{name}}")
    assert check_content_tokens.fn(where).says.startswith("0 of 1 message ")


@pytest.mark.parametrize("check", ALL)
def test_no_message_is_no_health(tmp_path: Path, check: Any) -> None:
    with pytest.raises(Refused, match=r"holds no message: no file there ends in \.eml"):
        check.fn(content(tmp_path))
    with pytest.raises(Refused, match="does not exist"):
        check.fn(Content(folder=tmp_path / "none"))


def test_without_a_filter_rules_of_ours_weigh(tmp_path: Path) -> None:
    spam = newsletter(
        subject="Re: OFFER!!!",
        text=None,
        html='<a href="https://other.example">bank.example</a><a href="http://192.0.2.1">x</a><img src=x>',
    )
    found = check_spam_score.fn(content(tmp_path, spam, newsletter()))
    assert found.verdict is Verdict.BAD
    assert found.says.startswith(
        "Of 2 messages weighed by our own rules, a.eml has the most: 9.6 of 5.0 points, most for "
    )
    assert found.rows[1]["points"] == 0


def test_an_empty_message_is_not_weighed(tmp_path: Path) -> None:
    found = check_spam_score.fn(content(tmp_path, newsletter(text="\n", html=None)))
    assert (found.verdict, found.says) == (
        Verdict.BAD,
        "our own rules had nothing to weigh. Without a body, and so not weighed: a.eml.",
    )


def test_its_rules_are_those_that_people_are_shown() -> None:
    shown = (Path(__file__).parents[3] / "tasks" / "content" / "README.md").read_text(encoding="utf-8")
    for row in table():
        assert f"| {row['rule']} | {row['points']} |" in shown, "tasks/content/README.md shows other rules"
    assert shown.count("\n| ") == len(SIGNS) + 1
    assert f"{LONGEST_BODY:,} characters" in shown


def test_the_doctor_says_what_lies_there(tmp_path: Path) -> None:
    assert [one.says for one in content(tmp_path, newsletter()).examine()] == [
        f"{tmp_path} can be read: 1 message to be sent."
    ]
    assert [one.verdict for one in Content(folder=tmp_path / "none").examine()] == [Verdict.BAD]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"folder": "outgoing"}, "write the whole path"),
        ({"rspamd": {"url": "127.0.0.1:11333"}}, "must be rspamd's address"),
        ({"rspamd": {"url": "http://127.0.0.1:11333"}, "spamd": {}}, "two filters have two opinions"),
        ({"hostname": "a\r\nb"}, "hostname"),
        ({"ip": "192.0.2.1\r\nx"}, "ip"),
    ],
)
def test_it_refuses_a_wrong_configuration(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Content(**{"folder": tmp_path, **given})


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        ("mx.example.net; spf=pass; dkim=pass; dmarc=pass", Verdict.OK),
        ("mx.example.net; spf=fail; dkim=pass; dmarc=pass", Verdict.WARN),
        ("mx.example.net; spf=pass; dkim=pass; dmarc=fail (p=REJECT dis=REJECT)", Verdict.BAD),
        ("mx.example.net; spf=pass", Verdict.WARN),
        ("mx.example.net; spf=softfail; dkim=none", Verdict.BAD),
        ("mx.example.net; dkim=fail; dkim=pass; spf=pass; dmarc=pass", Verdict.OK),
        ("mx.example.net; none", Verdict.BAD),
    ],
)
def test_it_says_how_receivers_judged(tmp_path: Path, written: str, verdict: Verdict) -> None:
    received = b"Authentication-Results: " + written.encode() + b"\r\n" + newsletter()
    assert check_authentication_results.fn(content(tmp_path, received)).verdict is verdict


def test_it_shows_the_policy_that_stands_in_a_comment(tmp_path: Path) -> None:
    written = (
        b"Authentication-Results: mx.example.net; spf=pass; dkim=fail;"
        b" dmarc=fail (p=REJECT dis=NONE) header.from=a.example\r\n"
    )
    found = check_authentication_results.fn(content(tmp_path, written + newsletter(), newsletter()))
    assert found.says == "0 of 1 received messages pass DMARC; of those, 0 without one of SPF and DKIM."
    assert found.rows == [
        {
            "message": "a.eml",
            "by": "mx.example.net",
            "from": "a.example",
            "spf": "pass",
            "dkim": "fail",
            "dmarc": "fail",
            "policy": "p=reject, dis=none",
        }
    ]


def test_it_does_not_believe_what_the_sender_wrote(tmp_path: Path) -> None:
    forged = b"Authentication-Results: mx.lab.example; spf=pass; dkim=pass; dmarc=pass\r\n" + newsletter()
    found = check_authentication_results.fn(content(tmp_path, forged, receiver="mx.example.net"))
    assert (found.verdict, found.says) == (
        Verdict.UNKNOWN,
        "None of 1 message holds Authentication-Results of mx.example.net.",
    )


def test_it_says_what_it_had_no_time_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = content(tmp_path, newsletter(), newsletter())
    monkeypatch.setattr("tasks.content.checks.WEIGHED_WITHIN_S", -1)
    found = check_spam_score.fn(where)
    assert found.verdict is Verdict.WARN
    assert found.says.endswith(" Not weighed, for want of time: 1.")
    monkeypatch.setattr("tasks.content.drafts.READ_WITHIN_S", -1)
    assert check_mime.fn(where).says == "0 of 0 messages are broken. Not looked at: 2."
