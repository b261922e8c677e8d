"""A mailbox of Dovecot's, which most mailboxes are: what pymap, the lab's, only looks as if it did."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.imap import system
from tasks.imap.checks import check_imap_login, check_unseen_replies
from tasks.imap.system import ImapServer
from tasks.mail.attempts import Attempts
from tasks.model import Refused, Verdict
from tests.tasks.website.authorities import Authority, trusting

pytestmark = pytest.mark.strict("Dovecot is a Debian package; CI installs it.")

USER, PASSWORD = "replies", "right"
STARTS_WITHIN_S = 60.0
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {login_user}
first_valid_uid = 0
mail_location = maildir:{folder}/home/%u/Maildir
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
auth_mechanisms = plain login
# A wrong password is answered at once, so that no test waits for it.
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A server of the session's own."""

    port: int
    tls_port: int
    ca: Path

    def door(self, **given: Any) -> ImapServer:
        told = {
            "port": self.tls_port,
            "username": USER,
            "password": PASSWORD,
            "limit_s": 15,
            "ca_file": self.ca,
            **given,
        }
        return ImapServer(host="127.0.0.1", **told)


@pytest.fixture(scope="module")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program, "apt-get install dovecot-imapd"
    # Its sockets lie in it: a longer path than they may have is refused.
    folder = Path(tmp_path_factory.mktemp("d"))
    root = Authority("Lab Root")
    root.shown(folder)
    (shown,) = folder.glob("*.pem")
    shown.rename(folder / "server.pem")
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        ports = (one.getsockname()[1], other.getsockname()[1])
    _configure(folder, *ports)
    running = subprocess.Popen([program, "-c", str(folder / "dovecot.conf"), "-F"])
    try:
        _wait(running, ports[1], folder / "log")
        yield Dovecot(*ports, trusting(folder, root))
    finally:
        running.terminate()
        running.wait(STARTS_WITHIN_S)


def _configure(folder: Path, port: int, tls_port: int) -> None:
    me = pwd.getpwuid(os.getuid())
    mail = pwd.getpwnam("nobody") if me.pw_uid == 0 else me
    (folder / "home").mkdir()
    if me.pw_uid == 0:
        os.chown(folder / "home", mail.pw_uid, mail.pw_gid)
        for above in (folder, *list(folder.parents)[:3]):
            above.chmod(above.stat().st_mode | 0o011)
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}::::::\n")
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
    text = CONFIGURATION.format(
        folder=folder,
        user=me.pw_name,
        group=group,
        login_user=mail.pw_name,
        uid=mail.pw_uid,
        gid=mail.pw_gid,
        port=port,
        tls_port=tls_port,
    )
    (folder / "dovecot.conf").write_text(text)


def _wait(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and running.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log.exists() else "dovecot did not start")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test had refused is not remembered."""
    monkeypatch.setattr(system, "_attempts", Attempts(remembered_s=3600))


@pytest.fixture
def imap(dovecot: Dovecot) -> Iterator[ImapServer]:
    door = dovecot.door()
    _empty(door)
    yield door
    _empty(door)


def _empty(door: ImapServer) -> None:
    for folder in ("INBOX", "Unmatched"):
        if door.has(folder):
            with door.model_copy(update={"folder": folder}).mailbox(write=True) as mailbox:
                mailbox.remove(mailbox.search("ALL"))


def _put(door: ImapServer, *names: str) -> None:
    with door.mailbox(write=True) as mailbox:
        for name in names:
            mailbox.append(f"Message-ID: <{name}@leads.test>\r\nIn-Reply-To: <x@y>\r\n\r\nYes.\r\n".encode())


def _lying(door: ImapServer, folder: str) -> list[str]:
    with door.model_copy(update={"folder": folder}).mailbox() as mailbox:
        return [one.message_id for one in mailbox.letters(mailbox.search("ALL"))]


@pytest.mark.parametrize("security", ["implicit", "starttls"])
def test_it_gets_in_by_both_ways(dovecot: Dovecot, security: str) -> None:
    port = dovecot.tls_port if security == "implicit" else dovecot.port
    assert check_imap_login.fn(dovecot.door(port=port, security=security)).verdict is Verdict.OK


def test_it_says_what_dovecot_says_of_a_wrong_password(dovecot: Dovecot) -> None:
    found = check_imap_login.fn(dovecot.door(password="wrong"))
    assert found.verdict is Verdict.BAD
    assert "refuses the login of replies: “[AUTHENTICATIONFAILED] Authentication failed.”" in found.says


def test_a_folder_that_is_not_there_is_said(dovecot: Dovecot) -> None:
    with pytest.raises(Refused, match="does not open Nowhere"), dovecot.door(folder="Nowhere").mailbox():
        pass


def test_looking_marks_nothing_as_read(imap: ImapServer) -> None:
    _put(imap, "one", "two")
    for _ in range(2):
        assert check_unseen_replies.fn(imap).facts == {"unseen": 2}


def test_a_message_moved_and_moved_back_is_there_once(imap: ImapServer) -> None:
    _put(imap, "one", "two", "three")
    with imap.mailbox(write=True) as mailbox:
        uids = mailbox.search("ALL")
        moved = mailbox.move([uids[0], uids[2]], "Unmatched")
    assert (_lying(imap, "INBOX"), _lying(imap, "Unmatched")) == (
        ["two@leads.test"],
        ["one@leads.test", "three@leads.test"],
    )
    assert sorted(moved.uids) == [uids[0], uids[2]]
    aside = imap.model_copy(update={"folder": "Unmatched"})
    with aside.mailbox(write=True) as mailbox:
        assert mailbox.validity == moved.validity
        mailbox.move(list(moved.uids.values()), "INBOX")
    assert sorted(_lying(imap, "INBOX")) == ["one@leads.test", "three@leads.test", "two@leads.test"]
    assert _lying(imap, "Unmatched") == []


def test_what_is_removed_is_gone_and_nothing_else(imap: ImapServer) -> None:
    _put(imap, "one", "two")
    with imap.mailbox(write=True) as mailbox:
        mailbox.remove(mailbox.find("<one@leads.test>"))
    assert _lying(imap, "INBOX") == ["two@leads.test"]
