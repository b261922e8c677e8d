"""Replies in a real mailbox (pymap), held against a real database: what is noticed, moved, left alone and put back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deployments.lab import Lab
from tasks.application.system import ApplicationDatabase
from tasks.config import Config
from tasks.environment import Environment
from tasks.imap import system
from tasks.imap.actions import ASIDE, SetUnmatchedRepliesAside, UseSpareImapPassword
from tasks.imap.again import ReadRepliesAgain
from tasks.imap.checks import check_imap_login, check_unseen_replies
from tasks.imap.faults import AnswerWhatWasNeverSent, RefuseImapPassword
from tasks.imap.handled import check_unhandled_replies
from tasks.imap.matching import check_reply_matching
from tasks.imap.system import ImapServer
from tasks.mail.attempts import Attempts
from tasks.model import Outcome, Refused, Verdict
from tasks.registry import register_systems

OURS = "sent-by-us@lab.test"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a drill had refused a moment ago is tried again."""
    monkeypatch.setattr(system, "_attempts", Attempts(remembered_s=0))


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.fixture
def imap(place: Environment) -> Iterator[ImapServer]:
    """The mailbox of replies, empty before and after."""
    door = place.systems["imap"]
    assert isinstance(door, ImapServer)
    empty(door)
    yield door
    empty(door)


@pytest.fixture
def application(place: Environment, lab: Lab) -> Iterator[ApplicationDatabase]:
    """One mail in it has a message id, kept with brackets."""
    door = place.systems["application"]
    assert isinstance(door, ApplicationDatabase)
    with psycopg.connect(lab.url("postgres"), autocommit=True) as session:
        session.execute(
            "UPDATE email_sends SET message_id = %s WHERE id = (SELECT min(id) FROM email_sends)", [f"<{OURS}>"]
        )
        yield door
        session.execute("UPDATE email_sends SET message_id = NULL WHERE message_id IS NOT NULL")


def empty(imap: ImapServer) -> None:
    for folder in (imap.folder, ASIDE):
        if imap.has(folder):
            with imap.model_copy(update={"folder": folder}).mailbox(write=True) as mailbox:
                mailbox.remove(mailbox.search("ALL"))


def put(imap: ImapServer, *headers: str) -> None:
    text = "\r\n".join(["From: Jane Doe <jane@leads.test>", *headers, "", "Yes.", ""])
    with imap.mailbox(write=True) as mailbox:
        mailbox.append(text.encode())


def reply(imap: ImapServer, own: str, to: str) -> None:
    put(imap, f"Message-ID: <{own}@leads.test>", f"In-Reply-To: <{to}>")


def lying(imap: ImapServer, folder: str) -> list[str]:
    if not imap.has(folder):
        return []
    with imap.model_copy(update={"folder": folder}).mailbox() as mailbox:
        return [one.message_id.partition("@")[0] for one in mailbox.letters(mailbox.search("ALL"))]


def read(imap: ImapServer, own: str) -> None:
    with imap.mailbox(write=True) as mailbox:
        mailbox._asked("STORE", str(mailbox.find(f"<{own}@leads.test>")[0]), "+FLAGS", r"(\Seen)")


def unread_ones(imap: ImapServer) -> list[str]:
    with imap.mailbox() as mailbox:
        return [one.message_id.partition("@")[0] for one in mailbox.letters(mailbox.search("UNSEEN"))]


def test_an_empty_mailbox_is_well(imap: ImapServer, application: ApplicationDatabase) -> None:
    assert check_imap_login.fn(imap).says.endswith("lets us into INBOX as replies@lab.test.")
    assert check_unseen_replies.fn(imap).says == "No mail lies unread in INBOX."
    assert check_reply_matching.fn(imap, application).says == "No unread reply lies in INBOX."


def test_it_tells_replies_to_our_mails_from_others(imap: ImapServer, application: ApplicationDatabase) -> None:
    reply(imap, "good", OURS)
    put(imap, "Message-ID: <thread@leads.test>", f"References: <{OURS}>\r\n <later@leads.test>", "In-Reply-To: <x@y>")
    reply(imap, "strange", "never-sent@lab.test")
    put(imap, "Message-ID: <new@leads.test>")
    put(imap, "Message-ID: <away@leads.test>", "In-Reply-To: <away@lab.test>", "Auto-Submitted: auto-replied")
    put(imap, "Message-ID: <dsn@leads.test>", "In-Reply-To: <dsn@lab.test>", "Content-Type: multipart/report; x=y")
    found = check_reply_matching.fn(imap, application)
    assert found.verdict is Verdict.WARN
    assert found.says.startswith("1 of 3 unread replies in INBOX answer no mail that 127.0.0.1")
    assert [row["from"] for row in found.rows] == ["j…@leads.test"]
    assert check_unseen_replies.fn(imap).facts == {"unseen": 6}
    # Looking marks nothing as read.
    assert check_unseen_replies.fn(imap).facts == {"unseen": 6}


@pytest.mark.parametrize(("hours", "verdict"), [(0.2, Verdict.OK), (0.3, Verdict.WARN), (2, Verdict.BAD)])
def test_it_says_how_long_the_oldest_lies(
    imap: ImapServer, hours: float, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(imap, "Message-ID: <one@leads.test>")
    later = time.time() + hours * 3600
    monkeypatch.setattr("tasks.imap.checks.time.time", lambda: later)
    found = check_unseen_replies.fn(imap)
    assert found.verdict is verdict, found.says
    assert found.says.startswith("1 mail lies unread in INBOX, the oldest for ")


def test_exactly_the_unmatched_ones_are_moved_and_moved_back(
    imap: ImapServer, application: ApplicationDatabase
) -> None:
    reply(imap, "good", OURS)
    for name in ("one", "two"):
        reply(imap, name, "never-sent@lab.test")
    action = SetUnmatchedRepliesAside()
    plan = action.plan(imap, application)
    assert (plan.blast_radius.touched, plan.blast_radius.total) == (2, 3)
    assert action.applied(imap, application, plan) is False
    # One more comes, and one of those that were shown is read meanwhile.
    reply(imap, "late", "never-sent@lab.test")
    read(imap, "two")

    outcome = action.apply(imap, application, plan)
    assert not outcome.complete
    assert [row["uid"] for row in outcome.not_done] == [plan.commands[1].target["uid"]]
    assert lying(imap, ASIDE) == ["one"]
    assert lying(imap, "INBOX") == ["good", "two", "late"]
    # Done again it changes nothing.
    assert action.apply(imap, application, plan).rows == []
    assert lying(imap, ASIDE) == ["one"]

    back = action.undoing(plan, outcome)
    assert back is not None
    returned = back.plan(imap)
    assert back.applied(imap, returned) is False
    assert back.apply(imap, returned).complete
    assert back.applied(imap, returned)
    # pymap shows a message that has come back under its old number, too.
    assert set(lying(imap, "INBOX")) == {"good", "late", "one", "two"}
    assert lying(imap, ASIDE) == []
    assert "jane" not in f"{plan}{outcome}"


def test_exactly_what_was_read_and_never_taken_in_is_read_again(
    imap: ImapServer, application: ApplicationDatabase, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        reply(imap, name, OURS)
        read(imap, name)
    reply(imap, "unread", OURS)
    reply(imap, "strange", "never-sent@lab.test")
    read(imap, "strange")
    # The reader may still be at it.
    assert check_unhandled_replies.fn(imap, application).says.startswith("All 0 replies to mails of ours")
    monkeypatch.setattr("tasks.imap.handled.AT_IT_S", -60.0)
    found = check_unhandled_replies.fn(imap, application)
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("3 of 3 replies to mails of ours that are marked as read in INBOX never came into")

    action = ReadRepliesAgain()
    plan = action.plan(imap, application)
    assert (plan.blast_radius.touched, plan.blast_radius.total) == (3, 3)
    assert action.applied(imap, application, plan) is False
    with imap.mailbox(write=True) as mailbox:
        mailbox.remove(mailbox.find("<two@leads.test>"))
    outcome = action.apply(imap, application, plan)
    assert [row["uid"] for row in outcome.not_done] == [plan.commands[1].target["uid"]]
    assert action.applied(imap, application, plan)
    assert unread_ones(imap) == ["one", "three", "unread"]
    assert action.plan(imap, application).commands == ()

    back = action.undoing(plan, outcome)
    assert back is not None
    returned = back.plan(imap)
    assert len(returned.commands) == 2
    assert back.apply(imap, returned).complete
    assert back.applied(imap, returned)
    assert unread_ones(imap) == ["unread"]

    with psycopg.connect(lab.url("postgres"), autocommit=True) as session:
        session.execute(
            "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "
            "SELECT id, 'reply', now(), 'reply-of-a-test' FROM email_sends WHERE message_id IS NOT NULL"
        )
        try:
            assert check_unhandled_replies.fn(imap, application).verdict is Verdict.OK
        finally:
            session.execute("DELETE FROM email_events WHERE event_hash = 'reply-of-a-test'")


def test_a_mailbox_that_was_made_anew_is_left_alone(imap: ImapServer, application: ApplicationDatabase) -> None:
    reply(imap, "one", "never-sent@lab.test")
    action = SetUnmatchedRepliesAside()
    plan = action.plan(imap, application)
    other = {**plan.commands[0].target, "validity": 1}
    stale = type(plan)(**{**vars(plan), "commands": (type(plan.commands[0])(line="x", target=other),)})
    with pytest.raises(Refused, match="was made anew"):
        action.apply(imap, application, stale)
    assert lying(imap, "INBOX") == ["one"]


def test_an_undo_without_numbers_is_left_to_a_person(imap: ImapServer, application: ApplicationDatabase) -> None:
    reply(imap, "one", "never-sent@lab.test")
    action = SetUnmatchedRepliesAside()
    plan = action.plan(imap, application)
    rows: list[Any] = [{"uid": 1, "moved_to": None, "validity": None}]
    back = action.undoing(plan, Outcome(says="Moved.", complete=True, rows=rows))
    assert back is not None
    with pytest.raises(Refused, match="did not tell us under which numbers"):
        back.plan(imap)


def test_its_drills_are_noticed_mended_and_leave_nothing(place: Environment, imap: ImapServer) -> None:
    with RefuseImapPassword().during(place):
        found = check_imap_login.ask(place)
        assert found.verdict is Verdict.BAD
        assert "refuses the login of replies@lab.test: “[AUTHENTICATIONFAILED]" in found.says
        action = UseSpareImapPassword()
        assert action.apply(imap, action.plan(imap)).complete
        assert check_imap_login.ask(place).verdict is Verdict.OK
    assert check_imap_login.ask(place).verdict is Verdict.OK
    with AnswerWhatWasNeverSent().during(place):
        assert check_reply_matching.ask(place).verdict is Verdict.BAD
        aside = SetUnmatchedRepliesAside()
        given: dict[str, Any] = dict(place.supply(aside.plan))
        assert aside.apply(**given, plan=aside.plan(**given)).complete
        assert check_reply_matching.ask(place).verdict is Verdict.OK
        assert len(lying(imap, ASIDE)) == 6
    assert lying(imap, ASIDE) == lying(imap, "INBOX") == []
