"""A spare password is put in place only where it helps, is never shown, and the old one comes back."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.mail.attempts import Attempts
from tasks.model import Outcome, Plan, Refused
from tasks.smtp import stages
from tasks.smtp.actions import PutSmtpPasswordBack, UseSpareSmtpPassword
from tasks.smtp.system import SmtpServer
from tests.tasks.mail.servers import PASSWORD, USER, Post, post_office

OLD = "the-old-one"


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    monkeypatch.setattr(stages, "_attempts", Attempts(remembered_s=3600))
    with post_office() as there:
        yield there


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "smtp-password"
    made.write_text(f"{OLD}\n")
    made.chmod(0o640)
    return made


def door(post: Post, file: Path, **given: Any) -> SmtpServer:
    told = {"username": USER, "password_file": file, "spare_password": PASSWORD, "security": "none", **given}
    return SmtpServer(host="127.0.0.1", port=post.port, limit_s=15, **told)


def shown(plan: Plan, *outcomes: Outcome) -> str:
    return f"{plan} {outcomes}"


def test_it_is_planned_done_and_taken_back_without_being_shown(post: Post, file: Path) -> None:
    smtp, action = door(post, file), UseSpareSmtpPassword()
    plan = action.plan(smtp)
    assert len(plan.commands) == 1
    assert action.applied(smtp, plan) is False
    assert file.read_text() == f"{OLD}\n"

    outcome = action.apply(smtp, plan)
    assert outcome.complete
    assert action.applied(smtp, plan)
    assert smtp.secret().get_secret_value() == PASSWORD
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    kept = file.with_name("smtp-password.before")
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (f"{OLD}\n", 0o640)

    back = action.undoing(plan, outcome)
    assert isinstance(back, PutSmtpPasswordBack)
    returned = back.plan(smtp)
    assert back.applied(smtp, returned) is False
    undone = back.apply(smtp, returned)
    assert back.applied(smtp, returned)
    assert file.read_text() == f"{OLD}\n"
    assert sorted(one.name for one in file.parent.iterdir()) == ["smtp-password"]
    for secret in (OLD, PASSWORD):
        assert secret not in shown(plan, outcome, undone)
        assert secret not in str(returned)


def test_a_second_run_changes_nothing(post: Post, file: Path) -> None:
    smtp, action = door(post, file), UseSpareSmtpPassword()
    plan = action.plan(smtp)
    action.apply(smtp, plan)
    assert action.apply(smtp, plan).complete
    # What is kept for the way back is still the old one.
    assert file.with_name("smtp-password.before").read_text() == f"{OLD}\n"
    assert action.plan(smtp).commands == ()
    assert "holds the spare password already" in action.plan(smtp).does
    assert PutSmtpPasswordBack().apply(smtp, plan).complete
    assert not PutSmtpPasswordBack().apply(smtp, plan).complete


def test_a_password_that_is_accepted_is_left_alone(post: Post, file: Path) -> None:
    file.write_text(PASSWORD)
    plan = UseSpareSmtpPassword().plan(door(post, file, spare_password="another"))
    assert plan.commands == ()
    assert "accepts the password in use" in plan.does


def test_a_spare_one_that_is_refused_is_put_nowhere(post: Post, file: Path) -> None:
    smtp = door(post, file, spare_password="wrong too")
    with pytest.raises(Refused, match="refuses the spare password"):
        UseSpareSmtpPassword().plan(smtp)
    assert len(post.attempts) == 2
    planned = UseSpareSmtpPassword().plan(door(post, file))
    with pytest.raises(Refused, match=r"the spare password of app@lab.test by now"):
        UseSpareSmtpPassword().apply(smtp, planned)
    assert file.read_text() == f"{OLD}\n"


def test_another_file_than_was_approved_is_not_written(post: Post, file: Path, tmp_path: Path) -> None:
    plan = UseSpareSmtpPassword().plan(door(post, file))
    other = tmp_path / "other"
    other.write_text(OLD)
    with pytest.raises(Refused, match="than was approved"):
        UseSpareSmtpPassword().apply(door(post, other), plan)
    assert other.read_text() == OLD


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"spare_password": None}, "No spare password is configured"),
        ({"spare_password": None, "password_file": None, "password": OLD}, "there is no file to put another one into"),
    ],
)
def test_it_says_what_to_configure(post: Post, file: Path, given: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        UseSpareSmtpPassword().plan(door(post, file, **given))
    assert refused.value.remedy
    assert post.attempts == []
