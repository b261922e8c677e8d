"""A visit to a mail server: each way in which it can end has its stage, its words, and what to set."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from tasks.check import Check
from tasks.imap.system import ImapServer
from tasks.mail.attempts import Attempts
from tasks.mail.line import LONGEST_LINE
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.smtp import stages
from tasks.smtp.checks import (
    check_smtp_certificate,
    check_smtp_connect,
    check_smtp_login,
    check_smtp_sender_accepted,
    check_smtp_tls,
)
from tasks.smtp.stages import Stage
from tasks.smtp.system import SmtpServer
from tasks.smtp.talk import MOST_LINES
from tests.tasks.mail.servers import PASSWORD, USER, Post, post_office, saying
from tests.tasks.website.authorities import DAY, Authority, mute, shows_itself, trusting

HELLO = b"250-mail.lab.test\r\n250 AUTH PLAIN LOGIN\r\n"
GREETING = b"220 mail.lab.test ESMTP\r\n"
CHECKS = (
    check_smtp_connect,
    check_smtp_tls,
    check_smtp_certificate,
    check_smtp_login,
    check_smtp_sender_accepted,
)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test had refused is not remembered."""
    monkeypatch.setattr(stages, "_attempts", Attempts(remembered_s=3600))


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("Lab Root")


@pytest.fixture
def plain() -> Iterator[Post]:
    with post_office() as post:
        yield post


def door(port: int, **given: Any) -> SmtpServer:
    told = {"username": USER, "password": PASSWORD, "security": "none", "sender": USER, "limit_s": 15, **given}
    return SmtpServer(host="127.0.0.1", port=port, **told)


def verdicts(smtp: SmtpServer) -> list[Verdict]:
    return [asked.fn(smtp).verdict for asked in CHECKS]


@pytest.mark.parametrize("implicit", [False, True])
def test_it_is_content_with_a_good_one(tmp_path: Path, root: Authority, implicit: bool) -> None:
    with post_office(root.shown(tmp_path), implicit=implicit) as post:
        security = "implicit" if implicit else "starttls"
        smtp = door(post.port, security=security, ca_file=trusting(tmp_path, root), recipient="probe@lab.test")
        assert verdicts(smtp) == [Verdict.OK] * 5
        found = check_smtp_certificate.fn(smtp)
        assert "is good for another 60 days" in found.says
        assert check_smtp_tls.fn(smtp).says.startswith(f"127.0.0.1:{post.port} speaks TLSv1.")
        order = [step.stage for step in smtp.visit(Stage.SENDER).steps]
        assert order == [stage for stage in stages.ORDERS[security] if stage is not Stage.MESSAGE]
    assert post.envelopes == []


def test_it_says_what_an_engineer_would_say(plain: Post) -> None:
    found = check_smtp_login.fn(door(plain.port, password="wrong"))
    assert found.verdict is Verdict.BAD
    assert found.says == (
        f"127.0.0.1:{plain.port} refuses the login of app@lab.test: “535 5.7.8 Authentication credentials invalid”."
    )
    assert (
        found.remedy == "The name or the password is wrong. Set `username` and `password` as the provider shows them."
    )
    later = check_smtp_sender_accepted.fn(door(plain.port, password="wrong"))
    assert later.verdict is Verdict.UNKNOWN
    assert later.says.startswith(f"It was not got as far as that: 127.0.0.1:{plain.port} refuses the login")


def test_one_wrong_password_costs_one_attempt_whatever_asks(plain: Post) -> None:
    smtp = door(plain.port, password="wrong")
    assert [smtp.visit(Stage.SENDER).stopped.stage for _ in range(3)] == [Stage.LOGIN] * 3  # type: ignore[union-attr]
    assert not smtp.accepts(SecretStr("wrong"))
    assert plain.attempts == ["PLAIN"]
    # Another password is another attempt, and a good one is tried each time.
    assert not smtp.accepts(SecretStr("wrong too"))
    assert smtp.accepts(SecretStr(PASSWORD))
    assert smtp.accepts(SecretStr(PASSWORD))
    assert plain.attempts == ["PLAIN"] * 4


def test_a_password_may_hold_what_parts_fields_elsewhere(tmp_path: Path) -> None:
    """1-10: of a secret in one line, a | in the password moved every field behind it. Here each has its own name."""
    secret = 'a|b:c;d,e "f" {g} @h|993|imap.example.com'
    file = tmp_path / "password"
    file.write_text(f"{secret}\n")
    with post_office(password=secret) as post:
        for given in ({"password": secret}, {"password": None, "password_file": file}):
            smtp = door(post.port, **given)
            assert check_smtp_login.fn(smtp).verdict is Verdict.OK
            assert smtp.address == f"127.0.0.1:{post.port}"


def test_a_part_that_is_missing_is_named_before_anything_is_stored() -> None:
    """1-10: five fields, read as seven, left the receiving server empty, and replies were never read."""
    for kind in (SmtpServer, ImapServer):
        with pytest.raises(ValidationError, match=r"host\n +Field required"):
            kind.model_validate({"username": USER, "password": PASSWORD})
        with pytest.raises(ValidationError, match=r"host\n +String should match pattern"):
            kind.model_validate({"host": "", "username": USER, "password": PASSWORD})


def test_a_password_that_is_put_in_its_file_anew_is_tried_anew(plain: Post, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("wrong\n")
    smtp = door(plain.port, password=None, password_file=file)
    for _ in range(2):
        assert smtp.visit(Stage.SENDER).stopped.stage is Stage.LOGIN  # type: ignore[union-attr]
    assert len(plain.attempts) == 1
    file.rename(tmp_path / "before")
    (tmp_path / "before").rename(file)
    assert smtp.visit(Stage.SENDER).stopped.stage is Stage.LOGIN  # type: ignore[union-attr]
    assert len(plain.attempts) == 2


def test_what_was_refused_is_asked_again_after_a_while(plain: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_attempts", Attempts(remembered_s=0))
    smtp = door(plain.port, password="wrong")
    assert [smtp.accepts(SecretStr("wrong")) for _ in range(2)] == [False, False]
    assert len(plain.attempts) == 2


def test_a_server_that_does_not_judge_the_password_is_no_wrong_password(plain: Post) -> None:
    plain.refusal = "454 4.7.0 Temporary authentication failure"
    smtp = door(plain.port, password="wrong")
    assert check_smtp_login.fn(smtp).verdict is Verdict.UNKNOWN
    with pytest.raises(CannotLook, match="Later it may"):
        smtp.accepts(SecretStr("wrong"))
    assert len(plain.attempts) == 2


@pytest.mark.parametrize(
    ("refusal", "remedy"),
    [
        ("534 5.7.9 Application-specific password required", "made for applications"),
        ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "allow SMTP AUTH"),
        ("538 5.7.11 Encryption required", 'security = "starttls"'),
    ],
)
def test_it_says_what_to_set_by_the_servers_code(plain: Post, refusal: str, remedy: str) -> None:
    plain.refusal = refusal
    found = check_smtp_login.fn(door(plain.port, password="wrong"))
    assert refusal in found.says
    assert remedy in found.remedy


def test_it_takes_the_other_mechanism_where_there_is_only_that() -> None:
    with post_office(auth_exclude_mechanism=["PLAIN"]) as post:
        assert check_smtp_login.fn(door(post.port)).verdict is Verdict.OK
        assert check_smtp_login.fn(door(post.port, password="wrong")).verdict is Verdict.BAD
        assert post.attempts == ["LOGIN", "LOGIN"]


@pytest.mark.parametrize(
    ("answer", "verdict", "says"),
    [
        ("553 5.7.1 Sender address rejected: not owned by user", Verdict.BAD, "refuses the sender app@lab.test"),
        ("451 4.7.1 Greylisted, try again", Verdict.WARN, "takes the sender app@lab.test later"),
        # Of this one, a common library makes a lost connection.
        ("421 4.3.2 Shutting down", Verdict.WARN, "takes the sender app@lab.test later"),
    ],
)
def test_it_tells_a_refused_sender_from_one_who_is_to_come_again(
    plain: Post, answer: str, verdict: Verdict, says: str
) -> None:
    plain.sender = answer
    found = check_smtp_sender_accepted.fn(door(plain.port))
    assert (found.verdict, says in found.says, answer in found.says) == (verdict, True, True)


def test_it_asks_for_one_recipient_and_sends_nothing(plain: Post) -> None:
    plain.recipient = "550 5.1.1 User unknown"
    found = check_smtp_sender_accepted.fn(door(plain.port, recipient="nobody@lab.test"))
    assert found.verdict is Verdict.BAD
    assert "refuses the recipient nobody@lab.test: “550 5.1.1 User unknown”" in found.says
    assert plain.envelopes == []


def test_a_message_arrives_as_it_was_written(plain: Post) -> None:
    seen = door(plain.port, recipient="probe@lab.test").visit(Stage.MESSAGE, message=b"A: b\r\n\r\n.\r\n..two\r\nend")
    assert seen.stopped is None
    assert [(e.mail_from, e.rcpt_tos, e.content) for e in plain.envelopes] == [
        (USER, ["probe@lab.test"], b"A: b\r\n\r\n.\r\n..two\r\nend\r\n")
    ]


def test_nothing_is_sent_without_a_message(plain: Post) -> None:
    stopped = door(plain.port, recipient="probe@lab.test").visit(Stage.MESSAGE).stopped
    assert stopped is not None
    assert (stopped.stage, stopped.verdict) == (Stage.MESSAGE, Verdict.UNKNOWN)
    assert plain.envelopes == []


def test_it_tells_every_wrong_certificate_apart_and_sends_no_password(tmp_path: Path, root: Authority) -> None:
    wrong = {
        "it expired on 20": root.shown(tmp_path, begins=-90 * DAY, ends=-datetime.timedelta(hours=1)),
        "it is signed by itself": shows_itself(tmp_path),
        "it is for mail.example.com, not for 127.0.0.1": root.shown(tmp_path, ["mail.example.com"]),
        "is neither trusted nor sent along": Authority("Stranger").shown(tmp_path, public=False),
    }
    ca = trusting(tmp_path, root)
    for says, context in wrong.items():
        for implicit in (False, True):
            with post_office(context, implicit=implicit) as post:
                smtp = door(post.port, security="implicit" if implicit else "starttls", ca_file=ca)
                found = check_smtp_certificate.fn(smtp)
                assert (found.verdict, says in found.says) == (Verdict.BAD, True), found.says
                assert found.remedy
                assert check_smtp_tls.fn(smtp).verdict is Verdict.OK
                assert check_smtp_login.fn(smtp).verdict is Verdict.UNKNOWN
                assert post.attempts == []
                assert smtp.visit(Stage.CERTIFICATE).expired is ("expired" in says)


@pytest.mark.parametrize(("days", "verdict"), [(21.1, "OK"), (20.9, "WARN"), (7.1, "WARN"), (6.9, "BAD")])
def test_it_says_when_the_certificate_should_have_been_renewed(
    tmp_path: Path, root: Authority, days: float, verdict: str
) -> None:
    left = datetime.timedelta(days=days)
    with post_office(root.shown(tmp_path, begins=left - 90 * DAY, ends=left)) as post:
        smtp = door(post.port, security="starttls", ca_file=trusting(tmp_path, root))
        assert check_smtp_certificate.fn(smtp).verdict.name == verdict


@pytest.mark.parametrize(
    ("asked", "answers", "says"),
    [
        (
            check_smtp_connect,
            [b"HTTP/1.1 400 Bad Request\r\n"],
            "instead of an answer with a greeting came “HTTP/1.1",
        ),
        (check_smtp_connect, [b"\x15\x03\x01\x00\x02\n"], "does not speak SMTP"),
        (check_smtp_connect, [b"554 5.7.1 No SMTP service here\r\n"], "greets with “554 5.7.1 No SMTP service here”"),
        (check_smtp_connect, [b"421 4.3.2 Too busy\r\n"], "greets with “421 4.3.2 Too busy”"),
        (check_smtp_connect, [b""], "ended the connection instead of an answer with a greeting"),
        (check_smtp_connect, [GREETING, b"550 5.7.1 Go away\r\n"], "answers our EHLO with “550 5.7.1 Go away”"),
        (check_smtp_connect, [b"220 " + b"a" * (LONGEST_LINE + 4096)], "a line of more than 4096 bytes"),
        (check_smtp_connect, [b"220-more\r\n" * (MOST_LINES + 1)], "an answer of more than 100 lines"),
        (check_smtp_login, [GREETING, HELLO, b""], "ended the connection instead of an answer to our login"),
        (check_smtp_login, [GREETING, b"250 mail.lab.test\r\n"], "it offers no AUTH"),
        (check_smtp_login, [GREETING, b"250-x\r\n250 AUTH XOAUTH2\r\n"], "it offers AUTH XOAUTH2"),
    ],
)
def test_it_takes_whatever_a_server_says(asked: Check[Any], answers: list[bytes], says: str) -> None:
    with saying(*answers) as port:
        found: Finding = asked.fn(door(port))
    assert (found.verdict, says in found.says) == (Verdict.BAD, True), found.says
    assert len(found.says) < 600


def test_what_a_server_says_is_shown_on_one_line_and_obeyed_by_no_terminal() -> None:
    with saying(b"220 \x1b[2Jm\xffail\x07 <b>*x*</b>\r\n", HELLO) as port:
        found = check_smtp_connect.fn(door(port))
    assert found.says.isprintable()
    assert found.verdict is Verdict.OK


def test_a_server_that_repeats_the_password_does_not_make_us_show_it() -> None:
    secret = "kept-to-ourselves"
    token = base64.b64encode(f"\0{USER}\0{secret}".encode()).decode()
    repeated = f"535 5.7.8 AUTH PLAIN {token} {base64.b64encode(secret.encode()).decode()} {secret}\r\n".encode()
    with saying(GREETING, HELLO, repeated) as port:
        found = check_smtp_login.fn(door(port, password=secret))
    assert found.verdict is Verdict.BAD
    assert found.says.count("•••") == 3
    for shown in (secret, token):
        assert shown not in f"{found.says}{found.facts}"


def test_what_comes_before_the_handshake_is_believed_to_be_of_somebody_else(tmp_path: Path, root: Authority) -> None:
    hello = b"250-mail.lab.test\r\n250 STARTTLS\r\n"
    with saying(GREETING, hello, b"220 ready\r\n250 AUTH PLAIN\r\n") as port:
        found = check_smtp_tls.fn(door(port, security="starttls", ca_file=trusting(tmp_path, root)))
    assert found.verdict is Verdict.BAD
    assert "something unasked before the handshake" in found.says


def test_it_says_that_tls_is_not_offered(plain: Post) -> None:
    found = check_smtp_tls.fn(door(plain.port, security="starttls"))
    assert found.verdict is Verdict.BAD
    assert "does not offer STARTTLS: it offers" in found.says
    assert plain.attempts == []


def test_it_tells_the_wrong_kind_of_security(tmp_path: Path, root: Authority) -> None:
    with post_office(root.shown(tmp_path)) as post:
        found = check_smtp_tls.fn(door(post.port, security="implicit", ca_file=trusting(tmp_path, root)))
    assert found.verdict is Verdict.BAD
    assert "No secure connection to 127.0.0.1" in found.says
    assert "starttls" in found.remedy


def test_a_closed_port_and_a_silent_server_are_told_apart() -> None:
    closed = check_smtp_connect.fn(door(1))
    assert closed.verdict is Verdict.BAD
    assert "127.0.0.1:1 cannot be reached: Connection refused" in closed.says
    with mute() as port:
        silent = check_smtp_connect.fn(door(port, limit_s=2, security="starttls"))
    assert silent.verdict is Verdict.BAD
    assert "did not answer with a greeting within 2 s" in silent.says
    assert 'security = "implicit"' in silent.remedy
    unknown = check_smtp_connect.fn(SmtpServer(host="nowhere.invalid"))
    assert unknown.verdict is Verdict.BAD
    assert "nowhere.invalid has no address" in unknown.says
    assert unknown.remedy.startswith('host = "…"')


def test_without_a_login_none_is_tried(plain: Post) -> None:
    smtp = SmtpServer(host="127.0.0.1", port=plain.port, security="none", sender=USER)
    assert verdicts(smtp) == [Verdict.OK] * 5
    assert plain.attempts == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"security": "none", "host": "mail.example.com"}, "would pass in clear"),
        ({"password": None}, "`username` without a password"),
        ({"username": None}, "a password without `username`"),
        ({"password_file": "/p"}, "both name the password"),
        ({"spare_password": "s"}, "without a place"),
        ({"sender": "a@example.com> BODY"}, "String should match pattern"),
        ({"sender": "a\r\nRCPT TO:<b>@example.com"}, "String should match pattern"),
        ({"recipient": "two@example.com,three@example.com"}, "String should match pattern"),
        ({"helo": "me\r\nQUIT"}, "String should match pattern"),
        ({"host": "mail example.com"}, "String should match pattern"),
        ({"username": "a\nb"}, "String should match pattern"),
    ],
)
def test_it_refuses_settings_that_cannot_be_meant(given: dict[str, Any], says: str) -> None:
    told: dict[str, Any] = {"host": "127.0.0.1", "username": USER, "password": "secret-thing", **given}
    with pytest.raises(ValidationError, match=says) as refused:
        SmtpServer(**told)
    assert "secret-thing" not in str(refused.value)


def test_a_password_file_is_read_at_each_visit_and_refused_where_it_holds_none(tmp_path: Path, plain: Post) -> None:
    file = tmp_path / "password"
    smtp = door(plain.port, password=None, password_file=file)
    for content, says in ((None, "No such file"), ("\n", "it is empty"), ("x" * 4097, "longer than 4096")):
        if content is not None:
            file.write_text(content)
        with pytest.raises(Refused, match=says):
            check_smtp_login.fn(smtp)
        assert check_smtp_connect.fn(smtp).verdict is Verdict.OK
    file.write_text(f"{PASSWORD}\n")
    assert check_smtp_login.fn(smtp).verdict is Verdict.OK
    file.write_text("wrong\n")
    assert check_smtp_login.fn(smtp).verdict is Verdict.BAD


def test_doctor_says_what_it_found(plain: Post) -> None:
    found = list(door(plain.port).examine())
    assert [one.verdict for one in found] == [Verdict.OK, Verdict.WARN]
    assert "lets us in as app@lab.test" in found[0].says
    (refused,) = door(plain.port, password="wrong").examine()
    assert refused.verdict is Verdict.BAD
