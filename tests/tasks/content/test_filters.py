"""Messages weighed by the real filters: rspamd and SpamAssassin of Debian, without the network."""

from __future__ import annotations

import getpass
import grp
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.ports import free_port
from tasks.content.checks import check_spam_score
from tasks.content.drafts import Draft
from tasks.content.scorers import completed, scored
from tasks.content.system import Content, Rspamd, Spamd
from tasks.model import CannotLook, Finding, Refused, Verdict
from tests.conftest import needs
from tests.tasks.content.messages import content, newsletter
from tests.tasks.web.conftest import Reply, serving

UP_WITHIN_S = 120.0
# Phrases that SpamAssassin's own rules name; nobody sends them in earnest.
SPAM = newsletter(
    subject="Buy now! Cheap viagra, 100% free",
    text="Dear friend, I am a prince and have 10 million dollars. http://192.0.2.7/x\n",
    html=None,
)


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            until = time.monotonic() + UP_WITHIN_S
            while not listens(port):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            server.terminate()


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture(scope="session")
def rspamd() -> Iterator[Rspamd]:
    """It asks no name server, no fuzzy store and no list, and knows few top-level domains: so it starts soon."""
    program, port = needs("rspamd"), free_port()
    with tempfile.TemporaryDirectory(prefix="rspamd-") as name:
        folder = Path(name)
        own = folder / "own" / "override.d"
        own.mkdir(parents=True)
        (folder / "tld").write_text("com\nnet\norg\nexample\n")
        (own / "options.inc").write_text(
            f'dns {{ nameserver = ["127.0.0.1:{free_port()}"]; timeout = 0.05s; retransmits = 1; }}\n'
            f'url_tld = "{folder}/tld";\ndisable_hyperscan = true;\nlocal_addrs = [192.0.2.0/24];\n'
        )
        (own / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{port}";\ncount = 1;\n')
        off = ("worker-controller.inc", "worker-proxy.inc")
        modules = (
            "fuzzy_check",
            "rbl",
            "spf",
            "dmarc",
            "arc",
            "dkim",
            "phishing",
            "asn",
            "mx_check",
            "neural",
            "hfilter",
        )
        for file in (*off, *(f"{module}.conf" for module in modules)):
            (own / file).write_text("enabled = false;\n")
        folders = {"DBDIR": folder, "RUNDIR": folder, "LOGDIR": folder, "LOCAL_CONFDIR": folder / "own"}
        command = [program, "-f", "-i", "-u", getpass.getuser(), "-g", grp.getgrgid(os.getgid()).gr_name]
        command += ["-c", "/etc/rspamd/rspamd.conf", *(f"--var={key}={value}" for key, value in folders.items())]
        with running(command, port, folder / "out.log"):
            yield Rspamd(url=f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def spamd() -> Iterator[Spamd]:
    program, port = needs("/usr/sbin/spamd"), free_port()
    with tempfile.TemporaryDirectory(prefix="spamd-") as name:
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        command = [program, f"--port={port}", "--listen=127.0.0.1", "--local", "--nouser-config", "--max-children=1"]
        with running([*command, "--syslog=stderr", *user], port, Path(name) / "out.log"):
            yield Spamd(port=port)


def weighed(folder: Path, *messages: bytes, **given: Any) -> Finding:
    return check_spam_score.fn(content(folder, *messages, hostname="mail.lab.example", limit_s=60, **given))


def test_spamassassin_weighs(tmp_path: Path, spamd: Spamd) -> None:
    found = weighed(tmp_path, newsletter(), SPAM, spamd=spamd)
    assert found.verdict is Verdict.BAD
    assert "SpamAssassin, b.eml has the most:" in found.says
    assert found.rows[0]["required"] == 5.0
    assert "DEAR_FRIEND 2." in str(found.rows[0]["rules"])
    assert found.rows[1]["points"] < 3.0  # type: ignore[operator]
    # The sending server adds them; without them the good one would be held for half spam.
    assert "MISSING_" not in str(found.rows)


def test_rspamd_weighs(tmp_path: Path, rspamd: Rspamd) -> None:
    found = weighed(tmp_path, newsletter(), rspamd=rspamd)
    assert found.verdict is Verdict.OK
    assert found.says.startswith("Of 1 messages weighed by rspamd, a.eml has the most: ")
    assert "of 15.0 points, action “no action”" in found.says
    assert "MISSING_" not in str(found.rows)


def test_a_filter_is_told_who_sends(tmp_path: Path) -> None:
    reply = Reply(body=b'{"score": 4.5, "required_score": 15, "action": "greylist", "symbols": {"A": {"score": 4.5}}}')
    with serving() as vendor:
        vendor.replies = [reply]
        given = Rspamd(url=vendor.url, password=SecretStr("lab-password"))
        found = weighed(tmp_path, newsletter(), rspamd=given, ip="192.0.2.1")
    asked = vendor.asked[0]
    assert (asked.method, asked.path) == ("POST", "/checkv2")
    told = {name.lower(): value for name, value in asked.headers.items()}
    assert (told["hostname"], told["helo"], told["ip"]) == ("mail.lab.example", "mail.lab.example", "192.0.2.1")
    assert (told["from"], told["rcpt"], told["password"]) == ("news@lab.example", "jane@example.com", "lab-password")
    assert asked.body.startswith(b"Date: ")
    assert (found.verdict, found.rows[0]["rules"]) == (Verdict.WARN, "A 4.5")


GOOD = {"score": 1, "required_score": 15, "action": "no action", "symbols": {"A": {"score": 1}}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"symbols": {}}, "without having looked"),
        ({"symbols": None}, "without having looked"),
        ({"is_skipped": True}, "without having looked"),
        ({"score": None}, "without a score"),
        ({"score": True}, "without a score"),
        ({"required_score": "15"}, "without a score"),
        ({"action": None}, "without a score"),
    ],
)
def test_an_answer_without_a_look_is_no_praise(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with serving() as vendor:
        vendor.replies = [reply_of({**GOOD, **changes})]
        with pytest.raises(CannotLook, match=said):
            weighed(tmp_path, newsletter(), rspamd=Rspamd(url=vendor.url))


def reply_of(body: dict[str, Any]) -> Reply:
    return Reply(body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("no action", Verdict.OK),
        ("greylist", Verdict.WARN),
        ("add header", Verdict.BAD),
        ("rewrite subject", Verdict.BAD),
        ("soft reject", Verdict.BAD),
        ("reject", Verdict.BAD),
    ],
)
def test_it_believes_rspamds_action(tmp_path: Path, action: str, verdict: Verdict) -> None:
    with serving() as vendor:
        vendor.replies = [reply_of({**GOOD, "action": action})]
        assert weighed(tmp_path, newsletter(), rspamd=Rspamd(url=vendor.url)).verdict is verdict


@pytest.mark.parametrize("filter_there", ["rspamd", "spamd"])
def test_nobody_there_is_no_health(tmp_path: Path, filter_there: str) -> None:
    port = free_port()
    given: dict[str, Any] = {"rspamd": Rspamd(url=f"http://127.0.0.1:{port}"), "spamd": Spamd(port=port)}
    with pytest.raises(CannotLook) as told:
        weighed(tmp_path, newsletter(), **{filter_there: given[filter_there]})
    assert "systemctl status" in told.value.remedy


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "which is no score"),
        (b"HTTP/1.1 400 no\r\n\r\n", "which is no score"),
        (b"SPAMD/1.1 76 no\r\n\r\n", "no score"),
    ],
)
def test_what_is_no_spamd_is_said(tmp_path: Path, answer: bytes, said: str) -> None:
    with listening(answer) as port, pytest.raises(CannotLook, match=said):
        weighed(tmp_path, newsletter(), spamd=Spamd(port=port))


def test_words_of_the_message_are_no_rules(tmp_path: Path) -> None:
    report = (
        b"SPAMD/1.1 0 EX_OK\r\nSpam: False ; 1.2 / 5.0\r\n\r\nContent preview:\n ---- ---\n 9.9 NOT_A_RULE x\n\n"
        b" pts rule name\n---- ----------\n 1.2 REAL_RULE text\n-0.0 OTHER_RULE text\n"
    )
    with listening(report) as port:
        found = weighed(tmp_path, newsletter(), spamd=Spamd(port=port))
    assert (found.verdict, found.rows[0]["rules"]) == (Verdict.OK, "REAL_RULE 1.2")


def test_a_filter_that_is_silent_is_not_waited_for(tmp_path: Path) -> None:
    with listening(None) as port, pytest.raises(CannotLook, match="did not answer in time"):
        check_spam_score.fn(content(tmp_path, newsletter(), spamd=Spamd(port=port), limit_s=0.2))


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """A server that reads one message whole, and then answers; with None it is silent until the block is left."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            line, _ = server.accept()
            with line:
                while line.recv(65_536):
                    pass
                if answer is None:
                    over.wait(UP_WITHIN_S)
                else:
                    line.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()


def test_it_adds_only_what_is_missing() -> None:
    bare = Draft("a", newsletter(), True)
    assert [line.split(b":")[0] for line in completed(bare).split(b"\r\n")[:3]] == [b"Date", b"Message-ID", b"From"]
    dated = newsletter(Date="Sun, 29 Nov 2026 10:00:00 +0000", Message_ID="<a@lab.example>")
    assert completed(Draft("a", dated, True)) == dated


def test_an_empty_message_is_not_put_to_a_filter(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no body"):
        scored(Content(folder=tmp_path), Draft("a.eml", newsletter(text="\n", html=None), True), time.monotonic() + 5)
