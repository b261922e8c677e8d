"""What an IMAP server fetched, read within our limits; and a server that says too much, or nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tasks.imap import system
from tasks.imap.checks import check_imap_login
from tasks.imap.letters import MOST_IDS, ids_in, letters
from tasks.imap.system import MOST_BYTES, MOST_MOVED, MOST_PIECE, ImapServer, Mailbox, _moved, _quote
from tasks.mail.attempts import Attempts
from tasks.model import CannotLook, Verdict
from tests.tasks.mail.servers import saying
from tests.tasks.website.authorities import Authority, trusting

ABOUT = b'1 (UID 7 INTERNALDATE "29-Nov-2026 13:00:00 -0100" FLAGS (\\Answered) BODY[HEADER.FIELDS (FROM)]<0> {9}'


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test had refused is not remembered."""
    monkeypatch.setattr(system, "_attempts", Attempts(remembered_s=3600))


def one(header: bytes, about: bytes = ABOUT, after: bytes = b")") -> Any:
    (found,) = letters([(about, header), after])
    return found


def test_it_reads_what_matching_needs() -> None:
    found = one(
        b"Message-ID: <a@b>\r\nReferences: <c@d>\r\n\t<e@f>\r\nIn-Reply-To: <e@f>\r\nFrom: Jane <jane@x.test>\r\n"
    )
    assert (found.uid, found.arrived_s, found.seen) == (7, 1795960800.0, False)
    assert (found.message_id, found.answers, found.sender) == ("a@b", ("c@d", "e@f"), "j…@x.test")
    assert found.is_reply


def test_flags_may_come_after_the_header_and_other_answers_between() -> None:
    about = b'1 (UID 7 INTERNALDATE "29-Nov-2026 13:00:00 +0000" BODY[HEADER.FIELDS (FROM)]<0> {9}'
    fetched = [b"3 (FLAGS (\\Seen))", (about, b"From: a@b.test"), b" FLAGS (\\Seen))", b"4 (UID 9 FLAGS ())"]
    (found,) = letters(fetched)
    assert found.seen


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff\xfe" * 5000,
        b"References: " + b"<" * 16_000,
        b"Message-ID: <" + b"a" * 251 + b">",
        b"From: " + b"x" * 9000,
    ],
)
def test_it_takes_any_header(header: bytes) -> None:
    found = one(header)
    assert (found.message_id, found.answers, found.is_reply) == ("", (), False)


def test_of_a_long_thread_the_last_ids_count() -> None:
    assert ids_in(" ".join(f"<{n}@x>" for n in range(50))) == tuple(f"{n}@x" for n in range(50 - MOST_IDS, 50))


@pytest.mark.parametrize(
    ("told", "uids", "validity"),
    [
        (b"38505 304,319:320 3956:3958", {304: 3956, 319: 3957, 320: 3958}, 38505),
        (b"1 5 9", {5: 9}, 1),
        (b"", {}, None),
        (b"1 a:b c", {}, 1),
        (b"9" * 5000 + b" 1 2", {}, None),
        (b"1 1 " + b"9" * 5000, {}, 1),
    ],
)
def test_it_reads_where_messages_were_moved_to(told: bytes, uids: dict[int, int], validity: int | None) -> None:
    assert (_moved(told).uids, _moved(told).validity) == (uids, validity)


def test_a_range_without_end_is_not_written_out() -> None:
    assert len(_moved(b"1 1:999999999 1:999999999").uids) == MOST_MOVED


@pytest.mark.parametrize("text", ["a\r\nLOGOUT", "ü", "\x00"])
def test_nothing_but_plain_text_is_put_into_a_command(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        _quote(text)


@pytest.mark.parametrize(
    ("told", "kept"),
    [(None, True), (b"(\\Answered \\Seen \\*)", True), (b"(\\Answered \\Flagged)", False), (b"()", False)],
)
def test_a_server_that_does_not_keep_what_was_read_is_known(told: bytes | None, kept: bool) -> None:
    """pymap says OK to a mark it forgets; PERMANENTFLAGS tells."""

    class Line:
        def response(self, name: str) -> tuple[str, list[Any]]:
            return name, [told if name == "PERMANENTFLAGS" else b"1"]

    line: Any = Line()
    assert Mailbox(line, "INBOX").keeps_seen() is kept


def door(port: int, ca: Path, **given: Any) -> ImapServer:
    told = {"username": "replies@lab.test", "password": "right", "limit_s": 15, **given}
    return ImapServer(host="127.0.0.1", port=port, ca_file=ca, **told)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([b"* BYE too many connections\r\n", b""], "does not speak IMAP as it should"),
        ([b"220 mail.lab.test ESMTP\r\n", b"500 what\r\n", b""], "does not speak IMAP as it should"),
        ([b""], "127.0.0.1"),
        ([b"* OK [CAPABILITY IMAP4rev1] x {%d}\r\n" % (MOST_PIECE + 1), b""], "127.0.0.1"),
        ([b"* OK " + b"a" * 70_000 + b"\r\n", b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n"], "127.0.0.1"),
        ([b"* OK {" + b"9" * 5000 + b"}\r\n"], "“a piece without end”"),
        ([b"* OK hi\r\n", b"* CAPABILITY IMAP4rev1 \xc3\xbc\r\n%tag OK so\r\n"], "codec can't decode byte"),
        ([b"* OK " + b"a" * (MOST_BYTES + 1)], "“more than 16,777,216 bytes”"),
    ],
)
def test_it_takes_whatever_a_server_says(tmp_path: Path, answers: list[bytes], says: str) -> None:
    root = Authority("Lab Root")
    with saying(*answers, tls=root.shown(tmp_path)) as port:
        found = check_imap_login.fn(door(port, trusting(tmp_path, root), limit_s=5))
    assert (found.verdict, says in found.says) == (Verdict.BAD, True), found.says
    assert len(found.says) < 600


def test_a_server_that_drips_does_not_keep_us_waiting(tmp_path: Path) -> None:
    root = Authority("Lab Root")
    ca = trusting(tmp_path, root)
    with saying(b"* OK " + b"a" * 10_000, tls=root.shown(tmp_path), drips_s=0.05) as port:
        begun = time.monotonic()
        found = check_imap_login.fn(door(port, ca, limit_s=1))
    assert "did not answer in time" in found.says
    assert time.monotonic() - begun < 10


def let_in(*answers: bytes) -> list[bytes]:
    """What a server says that lets us in by LOGIN and opens the folder; `answers` after that."""
    opened = b"* OK [UIDVALIDITY %s] x\r\n" % (b"9" * 5000)
    return [
        b"* OK hi\r\n",
        b"* CAPABILITY IMAP4rev1\r\n%tag OK so\r\n",
        b"%tag OK so\r\n",
        opened + b"%tag OK so\r\n",
        *answers,
    ]


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    root = Authority("Lab Root")
    said = let_in(b"* SEARCH 7 %s 8 x\r\n%%tag OK so\r\n" % (b"9" * 5000))
    with (
        saying(*said, tls=root.shown(tmp_path)) as port,
        door(port, trusting(tmp_path, root)).mailbox() as mailbox,
    ):
        assert (mailbox.validity, mailbox.search("ALL")) == (0, [7, 8])


@pytest.mark.parametrize(
    ("refusal", "verdict", "says"),
    [
        (
            b"[UNAVAILABLE] Temporary authentication failure.",
            Verdict.BAD,
            "did not judge the login of replies@lab.test",
        ),
        (b"[AUTHENTICATIONFAILED] No.", Verdict.BAD, "refuses the login of replies@lab.test"),
        (b"what is cmVwbGllcw== right", Verdict.BAD, "“what is cmVwbGllcw== •••”"),
    ],
)
def test_it_tells_a_refused_password_from_a_login_that_was_not_judged(
    tmp_path: Path, refusal: bytes, verdict: Verdict, says: str
) -> None:
    root = Authority("Lab Root")
    with saying(*let_in()[:2], b"%tag NO " + refusal + b"\r\n", tls=root.shown(tmp_path)) as port:
        imap = door(port, trusting(tmp_path, root))
        found = check_imap_login.fn(imap)
        assert (found.verdict, says in found.says) == (verdict, True), found.says
        if b"UNAVAILABLE" in refusal:
            with pytest.raises(CannotLook, match="Later it may"):
                imap.accepts(SecretStr("right"))
        else:
            assert not imap.accepts(SecretStr("right"))


def test_a_password_that_login_cannot_say_is_refused_and_not_shown(tmp_path: Path) -> None:
    root = Authority("Lab Root")
    with saying(*let_in(), tls=root.shown(tmp_path)) as port:
        found = check_imap_login.fn(door(port, trusting(tmp_path, root), password="grün"))
    assert "in ASCII only" in found.says
    assert "ü" not in found.says


def test_a_stranger_is_told_no_password(tmp_path: Path) -> None:
    root = Authority("Lab Root")
    with saying(b"* OK hello\r\n", tls=Authority("Stranger").shown(tmp_path)) as port:
        found = check_imap_login.fn(door(port, trusting(tmp_path, root)))
    assert found.verdict is Verdict.BAD
    assert "is not believed" in found.says


def test_a_closed_port_is_said(tmp_path: Path) -> None:
    root = Authority("Lab Root")
    found = check_imap_login.fn(door(1, trusting(tmp_path, root)))
    assert found.verdict is Verdict.BAD
    assert "127.0.0.1:1 cannot be reached: Connection refused" in found.says
    with pytest.raises(CannotLook), door(1, trusting(tmp_path, root)).mailbox():
        pass
