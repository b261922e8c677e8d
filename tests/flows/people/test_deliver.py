"""Do messages arrive by mail as they were meant, and does a server that never answers keep nobody else waiting?"""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from pydantic import SecretStr

from flows.people.deliver import GIVEN_UP_S, LANE, PROMPT_S, Letter, Post
from flows.people.tell import Target
from tests.deployments.processes import wait_until
from tests.flows.hostile import HOSTILE
from tests.flows.mailbox import Mailbox, mailbox, silent_mailbox

# Less than Apprise waits for a silent server.
SOON_S = 50.0


def letter(box: Mailbox, incident: str, **more: str) -> Letter:
    target = Target(SecretStr(box.url("ana@example.com", **more)))
    return Letter(key="k", incident=incident, target=target, title="P0: Ärger?", text="Über 3 sessions.", role="dba")


def test_it_arrives_by_mail() -> None:
    post = Post()
    with mailbox() as box:
        sent = letter(box, "one", password="sesame-8Zq1")
        post.send(sent)
        assert post.has(sent.id)
        assert post.arrived() == [(sent, True)]
        assert not post.has(sent.id)
    [mail] = box.got
    assert (mail["Subject"], mail["To"]) == ("P0: Ärger?", "ana@example.com")
    assert "Über 3 sessions." in box.text
    assert "sesame" not in box.text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_is_text_in_a_mail_and_no_header_of_it(text: str) -> None:
    post = Post()
    with mailbox() as box:
        post.send(replace(letter(box, "one"), title=f"P0: {text}\r\nBcc: eve@example.com", text=text))
        assert [arrived for _, arrived in post.arrived()] == [True]
    [mail] = box.got
    assert (mail.get_content_type(), mail["Bcc"]) == ("text/plain", None)
    assert mail.get_content().split() == text.split()


def test_it_keeps_nobody_waiting_for_a_server_that_never_answers() -> None:
    post = Post()
    with silent_mailbox() as silent, mailbox() as box:
        stuck = [letter(silent, f"stuck {n}") for n in range(3)]
        well = [letter(box, f"well {n}") for n in range(3)]
        for one in [*stuck, *well]:
            post.send(one)
        began = time.monotonic()
        known: list[tuple[Letter, bool]] = []
        while len(known) < len(well):
            assert time.monotonic() - began < SOON_S
            known += post.arrived(within_s=0.1)
        assert sorted(known, key=lambda one: one[0].id) == [(one, True) for one in well]
        assert all(post.has(one.id) for one in stuck)


def test_a_look_ends_although_a_server_never_answers() -> None:
    post = Post()
    with silent_mailbox() as silent:
        post.send(letter(silent, "stuck"))
        began = time.monotonic()
        assert post.arrived(within_s=0.2) == []
        assert time.monotonic() - began < SOON_S


def test_it_gives_up_a_server_that_keeps_it_for_ever_and_tries_anew() -> None:
    """It may send a byte now and then: no time limit of a socket ends that."""
    post = Post(given_up_s=0.3)
    with silent_mailbox() as silent, mailbox() as box:
        stuck = [letter(silent, f"stuck {n}") for n in range(2)]
        for one in stuck:
            post.send(one)
        known: list[tuple[Letter, bool]] = []
        wait_until(lambda: known or known.extend(post.arrived(within_s=0.1)), "given up")  # type: ignore[func-returns-value]
        assert known == [(one, False) for one in stuck]
        assert not any(post.has(one.id) for one in stuck)
        # What is well may need longer than the silent one was given.
        post.given_up_s = GIVEN_UP_S
        post.send(letter(silent, "stuck 0"))
        post.send(letter(box, "well"))
        wait_until(lambda: ("well", True) in [(one.incident, it) for one, it in post.arrived(within_s=0.1)], "arrived")


def test_what_arrived_before_anybody_looked_is_not_given_up_for_having_waited() -> None:
    post = Post()
    with mailbox() as box:
        sent = letter(box, "one")
        post.send(sent)
        assert post.arrived(within_s=0) == []
        wait_until(lambda: box.got and LANE not in [one.name for one in threading.enumerate()], "it arrived")
        post.given_up_s = 0.0
        assert post.arrived(within_s=0) == []
        assert post.arrived() == [(sent, True)]


@pytest.mark.parametrize("url", ["", "nonsense", "mailto://", "json://127.0.0.1:1", "http://[::1"])
def test_it_says_that_an_address_took_nothing(url: str, caplog: pytest.LogCaptureFixture) -> None:
    post = Post()
    lost = Letter(key="k", incident="i", target=Target(SecretStr(url)), title="t", text="t", role="dba")
    post.send(lost)
    assert post.arrived() == [(lost, False)]
    assert not url or url not in caplog.text


def test_its_limits_fit() -> None:
    """What is slow is waited for at the next looks, and given up well before people would be told again."""
    assert PROMPT_S < GIVEN_UP_S
