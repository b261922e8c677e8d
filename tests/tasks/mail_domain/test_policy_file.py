"""The policy of MTA-STS, fetched over real HTTPS on loopback as RFC 8461, 3.3 has it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.mail_domain.checks import check_mail_transport
from tasks.mail_domain.system import MOST_POLICY
from tasks.mail_domain.transport import sts_policy
from tasks.model import Refused, Verdict
from tests.tasks.mail_domain.nameservers import Names, txt
from tests.tasks.web.conftest import Reply, Vendor, serving
from tests.tasks.website.authorities import Authority, trusting

HOST = "mta-sts.shop.test"
PATH = "/.well-known/mta-sts.txt"
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mail.shop.test\r\nmax_age: 604800\r\n"
TEXT = {"Content-Type": "text/plain; charset=utf-8"}


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("Lab Root")


@contextmanager
def host(
    folder: Path, monkeypatch: pytest.MonkeyPatch, root: Authority, *, name: str = HOST, believed: bool = True
) -> Iterator[Vendor]:
    """The policy's host, which shows a certificate for `name`; its name leads here, as a resolver would have it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(trusting(folder, root if believed else Authority("Another Root"))))
    connect = socket.create_connection
    with serving(root.shown(folder, [name])) as vendor:
        port = int(vendor.url.rpartition(":")[2])

        def led_here(address: tuple[str, int], *given: Any, **more: Any) -> socket.socket:
            return connect(("127.0.0.1", port) if address == (HOST, 443) else address, *given, **more)

        monkeypatch.setattr(socket, "create_connection", led_here)
        vendor.replies = [Reply(body=POLICY, headers=TEXT)]
        yield vendor


@pytest.fixture
def domain(names: Names) -> Any:
    names.zone("test", "")
    names.zone("shop.test", f"@ IN MX 10 mail\nmail IN A 192.0.2.1\n{txt('_mta-sts', 'v=STSv1; id=1')}")
    return names.domain()


def test_it_is_fetched_and_judged(
    domain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Authority
) -> None:
    with host(tmp_path, monkeypatch, root) as policy:
        assert sts_policy(domain.sts_text()).mx == ("mail.shop.test",)
        found = check_mail_transport.fn(domain)
    assert (found.verdict, "is in mode enforce and names every MX" in found.says) == (Verdict.OK, True), found.says
    assert {(asked.method, asked.path, asked.headers["Host"]) for asked in policy.asked} == {("GET", PATH, HOST)}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "www.shop.test"}, "shows a certificate that we do not trust: Hostname mismatch"),
        ({"name": "shop.test"}, "shows a certificate that we do not trust: Hostname mismatch"),
        # One of a star stands for one label, and this is one.
        ({"name": "*.shop.test"}, ""),
        ({"believed": False}, "shows a certificate that we do not trust: "),
    ],
)
def test_its_host_has_to_show_who_it_is(
    domain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Authority, given: dict[str, Any], says: str
) -> None:
    with host(tmp_path, monkeypatch, root, **given) as policy:
        if not says:
            assert domain.sts_text()
            return
        with pytest.raises(Refused, match=f"^{HOST} {says}") as told:
            domain.sts_text()
    assert "with a certificate for this name" in told.value.remedy
    assert policy.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    domain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Authority, status: int
) -> None:
    """Not even to the same host: senders do not, so that nobody who can redirect can publish."""
    with host(tmp_path, monkeypatch, root) as policy:
        policy.paths = {
            PATH: Reply(status=status, headers={"Location": f"https://{HOST}/policy.txt"}),
            "/policy.txt": Reply(body=POLICY, headers=TEXT),
        }
        found = check_mail_transport.fn(domain)
    assert found.verdict is Verdict.WARN
    assert f"its policy cannot be had: {HOST} answers {status}." in found.says
    assert {asked.path for asked in policy.asked} == {PATH}
    assert "without a redirect" in str(found.rows[0]["remedy"])


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("text/plain", True),
        ("Text/Plain; charset=us-ascii", True),
        ("text/html", False),
        ("application/octet-stream", False),
        ("text/plainer", False),
        (None, False),
    ],
)
def test_it_has_to_be_text(
    domain: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    root: Authority,
    kind: str | None,
    taken: bool,
) -> None:
    with host(tmp_path, monkeypatch, root) as policy:
        policy.replies = [Reply(body=POLICY, headers={"Content-Type": kind} if kind else {})]
        if taken:
            assert sts_policy(domain.sts_text()).mode == "enforce"
            return
        with pytest.raises(Refused, match=r"and not as text/plain\.$"):
            domain.sts_text()


@pytest.mark.parametrize("over", [0, 1])
def test_no_more_is_read_than_senders_read(
    domain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Authority, over: int
) -> None:
    body = POLICY + b"x: " + b"x" * (MOST_POLICY + over - len(POLICY) - 3)
    with host(tmp_path, monkeypatch, root) as policy:
        policy.replies = [Reply(body=body, headers=TEXT)]
        if not over:
            assert sts_policy(domain.sts_text()).mode == "enforce"
            return
        with pytest.raises(Refused, match="tells more than"):
            domain.sts_text()
