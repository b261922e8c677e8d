"""The lab's mail: every question about it answers OK, until a drill spoils it, and again after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployments.lab import Lab, mailboxes
from tasks.bounces.checks import (
    check_feedback_reports,
    check_returned_again,
    check_returned_by_domain,
    check_returned_mails,
)
from tasks.bounces.faults import Complain, ReturnBlocked, ReturnUnknown
from tasks.check import Check
from tasks.config import Config
from tasks.content.checks import (
    check_content_tokens,
    check_links,
    check_mime,
    check_spam_score,
    check_unsubscribe_header,
)
from tasks.content.faults import DropUnsubscribe, LeavePlaceholder, WriteSpam
from tasks.environment import Environment, Kind
from tasks.fault import Fault, RefusesProduction
from tasks.model import Verdict
from tasks.registry import register_systems

BOUNCES = (check_returned_by_domain, check_returned_mails, check_feedback_reports, check_returned_again)
CONTENT = (check_content_tokens, check_links, check_mime, check_spam_score, check_unsubscribe_header)
DRILLS = [
    (ReturnUnknown(), check_returned_mails),
    (ReturnBlocked(), check_returned_mails),
    (ReturnBlocked(), check_returned_by_domain),
    (Complain(), check_feedback_reports),
    (LeavePlaceholder(), check_content_tokens),
    (DropUnsubscribe(), check_unsubscribe_header),
    (WriteSpam(), check_spam_score),
    (WriteSpam(), check_links),
]


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer depends on how busy the machine is."""
    for limit in ("bounces.arrived.OPENED", "content.drafts.READ", "content.checks.WEIGHED"):
        monkeypatch.setattr(f"tasks.{limit}_WITHIN_S", 600.0)


@pytest.mark.parametrize("asked", [*BOUNCES, *CONTENT], ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


@pytest.mark.parametrize(("fault", "noticed_by"), DRILLS)
def test_its_drills_are_noticed_and_leave_nothing(
    place: Environment, lab: Lab, fault: Fault, noticed_by: Check[Any]
) -> None:
    folder = lab.home.lab.beside("mailboxes")
    before = sorted(folder.rglob("*"))
    with fault.during(place):
        assert sorted(folder.rglob("*")) != before
        assert noticed_by.ask(place).verdict is Verdict.BAD
    assert noticed_by.ask(place).verdict is Verdict.OK
    assert sorted(folder.rglob("*")) == before


def test_what_a_mail_program_moved_on_is_taken_out_all_the_same(place: Environment, lab: Lab) -> None:
    mailbox = lab.home.lab.beside("mailboxes") / mailboxes.BOUNCES
    with ReturnUnknown(mails=1).during(place):
        (letter,) = (mailbox / "new").iterdir()
        letter.rename(mailbox / "cur" / f"{letter.name}:2,S")
    assert list((mailbox / "cur").iterdir()) == []


@pytest.mark.parametrize("fault", [ReturnUnknown(), LeavePlaceholder()])
def test_no_drill_of_it_touches_production(place: Environment, fault: Fault) -> None:
    production = Environment(name="production", kind=Kind.PRODUCTION, systems=place.systems)
    with pytest.raises(RefusesProduction), fault.during(production):
        pass


def test_what_a_killed_lab_left_is_gone_at_its_next_start(tmp_path: Path) -> None:
    mailboxes.prepare(tmp_path / "mail")
    (tmp_path / "mail" / mailboxes.OUTGOING / "drill-1.eml").write_text("{{name}}")
    (tmp_path / "mail" / mailboxes.BOUNCES / "new" / "1.drill").write_text("x")
    mailboxes.prepare(tmp_path / "mail")
    assert sorted(path.name for path in (tmp_path / "mail").rglob("*") if path.is_file()) == [
        "newsletter.eml",
        "welcome.eml",
    ]
