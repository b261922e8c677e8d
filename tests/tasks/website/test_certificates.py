"""Certificates as they are really shown: every way to be wrong has a sentence of its own."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.certificate_shown import CERTIFICATE_LEFT, Served
from tasks.model import Finding, Refused, Threshold, Verdict
from tasks.website.certificates.checks import check_website_certificates
from tasks.website.system import Endpoint, Website
from tests.tasks.website.authorities import DAY, Authority, mute, shaking_hands, shows_itself, trusting

HOUR = datetime.timedelta(hours=1)


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("Lab Root")


@pytest.fixture(scope="module")
def between(root: Authority) -> Authority:
    return Authority("Lab Issuing", above=root)


def asked(port: int, ca: Path, host: str = "localhost", **given: Any) -> Finding:
    endpoint = Endpoint(name="home", url=f"https://{host}:{port}/", **given)
    return check_website_certificates.fn(Website(endpoints=(endpoint,), ca_file=ca))


def shown(context: ssl.SSLContext, ca: Path, host: str = "localhost") -> Finding:
    with shaking_hands(context) as port:
        return asked(port, ca, host)


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    monkeypatch.setattr("tasks.website.certificates.checks.addresses_of", lambda *_: addresses)


def test_it_is_content_with_a_whole_chain(tmp_path: Path, root: Authority, between: Authority) -> None:
    context = between.shown(tmp_path, along=[between.certificate], ends=60 * DAY + HOUR)
    found = shown(context, trusting(tmp_path, root), "127.0.0.1")
    assert found.verdict is Verdict.OK
    assert "is good for another 60 days of 61 days (bad from 5 days down)" in found.says
    assert found.value == pytest.approx(60 * 86_400, abs=7200)
    (fact,) = found.facts.values()
    assert fact["issuer"] == "“Lab Issuing”"  # type: ignore[call-overload, index]


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(21.1, Verdict.OK), (20.9, Verdict.WARN), (7.1, Verdict.WARN), (6.9, Verdict.BAD), (0.2, Verdict.BAD)],
)
def test_it_says_when_it_should_have_been_renewed(
    tmp_path: Path, root: Authority, days: float, verdict: Verdict
) -> None:
    left = datetime.timedelta(days=days)
    found = shown(root.shown(tmp_path, begins=left - 90 * DAY, ends=left), trusting(tmp_path, root), "127.0.0.1")
    assert found.verdict is verdict
    assert "The certificate of 127.0.0.1" in found.says


def test_it_asks_less_of_a_certificate_that_lives_six_days(tmp_path: Path, root: Authority) -> None:
    """Let's Encrypt issues such ones; by days alone they would be bad from their first hour on."""
    ca = trusting(tmp_path, root)
    for left, verdict in ((3 * DAY, Verdict.OK), (DAY, Verdict.WARN), (6 * HOUR, Verdict.BAD)):
        context = root.shown(tmp_path, begins=left - 6 * DAY, ends=left)
        assert shown(context, ca, "127.0.0.1").verdict is verdict


def test_it_tells_every_wrong_one_apart(tmp_path: Path, root: Authority, between: Authority) -> None:
    ca, stranger = trusting(tmp_path, root), Authority("Stranger")
    old = Authority("Old Issuing", above=root, ends=-HOUR)
    stranger_between = Authority("Stranger Issuing", above=stranger)
    wrong = {
        "it expired on 20": root.shown(tmp_path, begins=-90 * DAY, ends=-HOUR),
        "it is not valid before 20": root.shown(tmp_path, begins=HOUR, ends=60 * DAY),
        "it is signed by itself": shows_itself(tmp_path),
        "it is for www.example.com, shop.example.com, not for localhost": root.shown(
            tmp_path, ["www.example.com", "shop.example.com"]
        ),
        "the intermediate certificate “Lab Issuing” is not sent along": between.shown(tmp_path),
        "its issuer “Stranger” is neither trusted nor sent along": stranger.shown(tmp_path, public=False),
        "its chain ends at “Stranger”, which is not trusted": stranger_between.shown(
            tmp_path, along=[stranger_between.certificate]
        ),
        "a certificate above it has expired": old.shown(tmp_path, along=[old.certificate]),
    }
    for says, context in wrong.items():
        found = shown(context, ca)
        assert (found.verdict, says in found.says) == (Verdict.BAD, True), found.says
        assert found.rows


def test_a_day_before_it_begins_is_not_the_day_it_begins(tmp_path: Path, root: Authority) -> None:
    context = root.shown(tmp_path, begins=2 * DAY, ends=60 * DAY)
    assert "it is not valid before" in shown(context, trusting(tmp_path, root), "127.0.0.1").says


def test_it_sees_that_one_of_two_addresses_shows_the_old_one(
    tmp_path: Path, root: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, "127.0.0.1", "127.0.0.2")
    new, old = root.shown(tmp_path, ["localhost"]), root.shown(tmp_path, ["localhost"], ends=2 * DAY, begins=-88 * DAY)
    with shaking_hands(new) as port, shaking_hands(old, "127.0.0.2", port):
        found = asked(port, trusting(tmp_path, root))
    assert found.verdict is Verdict.BAD
    assert f"The certificate of localhost:{port} at 127.0.0.2 is good for another" in found.says
    assert [row["address"] for row in found.rows] == ["127.0.0.2"]
    assert len({fact["mark"] for fact in found.facts.values()}) == 2  # type: ignore[call-overload, index]


def test_an_address_that_is_down_beside_one_that_is_not_warns(
    tmp_path: Path, root: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, "127.0.0.1", "127.0.0.2")
    with shaking_hands(root.shown(tmp_path)) as port:
        found = asked(port, trusting(tmp_path, root))
    assert found.verdict is Verdict.WARN
    assert "127.0.0.2 could not be seen: 127.0.0.2 cannot be reached: Connection refused" in found.says


def test_a_machine_without_ipv6_blames_no_server(
    tmp_path: Path, root: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, "127.0.0.1", "2001:db8::1")
    real = socket.create_connection

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        if ":" in address[0]:
            raise OSError(101, "Network is unreachable")
        return real(address, timeout)

    monkeypatch.setattr("tasks.website.certificates.shown.socket.create_connection", connect)
    with shaking_hands(root.shown(tmp_path)) as port:
        found = asked(port, trusting(tmp_path, root))
    assert found.verdict is Verdict.OK


def test_it_cannot_tell_where_nobody_answers(tmp_path: Path, root: Authority) -> None:
    with mute() as port:
        ca, begun = trusting(tmp_path, root), time.monotonic()
        found = asked(port, ca, "127.0.0.1")
    assert time.monotonic() - begun < 50
    assert found.verdict is Verdict.UNKNOWN
    assert "127.0.0.1 did not answer within 4 s" in found.says
    assert asked(1, ca).verdict is Verdict.UNKNOWN
    assert "has no address" in asked(1, ca, "nowhere.invalid").says


def test_what_is_not_tls_is_said(tmp_path: Path, root: Authority) -> None:
    from tests.tasks.web.conftest import serving

    with serving() as plain:
        found = asked(int(plain.url.rpartition(":")[2]), trusting(tmp_path, root), "127.0.0.1")
    assert found.verdict is Verdict.UNKNOWN
    assert "No secure connection to 127.0.0.1 comes about" in found.says


def test_it_takes_an_endpoints_own_limit(tmp_path: Path, root: Authority) -> None:
    with shaking_hands(root.shown(tmp_path)) as port:
        limit = Threshold(warn=9_000_000, bad=8_000_000, because="Renewed by hand, once a year.")
        assert asked(port, trusting(tmp_path, root), "127.0.0.1", certificate_left=limit).verdict is Verdict.BAD


def test_it_refuses_an_authority_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for file in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(Refused, match="cannot be used"):
            asked(1, file)


def test_plain_http_has_none() -> None:
    website = Website(endpoints=(Endpoint(name="home", url="http://127.0.0.1/"),))
    assert check_website_certificates.fn(website).verdict is Verdict.OK


def test_its_limit_has_an_owner() -> None:
    assert "Let's Encrypt" in CERTIFICATE_LEFT.because
    assert Served.__doc__
