"""What may be changed at a mail provider: exactly what was planned, nothing that came since, all of it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.lab import provider as lab
from tasks.action import Action
from tasks.mail_provider.access.actions import (
    PauseAtLimit,
    PauseInOutage,
    PauseSending,
    PutKeyBack,
    RestartWorkers,
    ResumeSending,
    UseSpareKey,
)
from tasks.mail_provider.addresses.actions import ReleaseWronglySuppressed, SuppressHardBounced
from tasks.mail_provider.system import MailProvider
from tasks.mail_provider.told import NotOffered
from tasks.model import CannotLook, Plan, Refused, Risk
from tasks.service.system import ApplicationService
from tests.tasks.mail_provider.conftest import SPARE, door
from tests.tasks.mail_provider.standins import (
    KEY,
    MailgunStandIn,
    ResendStandIn,
    SendGridStandIn,
    SesStandIn,
    StandIn,
)


def planned(action: Action, provider: MailProvider) -> Plan:
    plan: Plan = action.plan(provider)
    return plan


def targets(plan: Plan) -> list[object]:
    return [command.target["address"] for command in plan.commands]


def tell(standin: MailgunStandIn, **what: object) -> None:
    (standin.provider.folder / lab.TROUBLE).write_text(json.dumps(what), encoding="utf-8")


# What each vendor is sent: to pause, and to resume.
TURNS = {
    "MailgunStandIn": (
        ("POST", f"/v5/accounts/subaccounts/{lab.SUBACCOUNT}/disable", None),
        ("POST", f"/v5/accounts/subaccounts/{lab.SUBACCOUNT}/enable", None),
    ),
    "SendGridStandIn": (
        ("PATCH", "/v3/subusers/crm", {"disabled": True}),
        ("PATCH", "/v3/subusers/crm", {"disabled": False}),
    ),
    "ResendStandIn": (
        ("PATCH", "/domains/d-2", {"capabilities": {"sending": "disabled", "receiving": "enabled"}}),
        ("PATCH", "/domains/d-2", {"capabilities": {"sending": "enabled", "receiving": "enabled"}}),
    ),
    "SesStandIn": (
        ("PUT", "/v2/email/account/sending", {"SendingEnabled": False}),
        ("PUT", "/v2/email/account/sending", {"SendingEnabled": True}),
    ),
}


def test_it_pauses_and_resumes_and_nothing_else(standin: StandIn) -> None:
    provider, action = door(standin), PauseSending()
    plan = planned(action, provider)
    assert standin.changes == []
    assert (len(plan.commands), plan.risk, plan.blast_radius.touched) == (1, Risk.HIGH, 1)
    assert action.applied(provider, plan=plan) is False

    outcome = action.apply(provider, plan=plan)
    assert outcome.complete
    assert action.applied(provider, plan=plan) is True
    again = planned(action, provider)
    assert (again.commands, again.does[:13]) == ((), "Nothing to do")

    back = action.undoing(plan, outcome)
    assert isinstance(back, ResumeSending)
    assert back.apply(provider, plan=planned(back, provider)).complete
    assert tuple(standin.changes) == TURNS[type(standin).__name__]
    assert planned(back, provider).commands == ()


def test_a_second_pause_does_no_harm(mailgun: StandIn) -> None:
    provider, action = door(mailgun), PauseSending()
    plan = planned(action, provider)
    assert action.apply(provider, plan=plan).complete
    # Somebody else was quicker, or a run is taken up again.
    assert action.apply(provider, plan=plan).complete


@pytest.mark.parametrize("vendor", ["mailgun", "sendgrid"])
def test_what_cannot_be_paused_is_said_before_anything_is_asked_of_people(
    request: pytest.FixtureRequest, vendor: str
) -> None:
    standin: StandIn = request.getfixturevalue(vendor)
    with pytest.raises(NotOffered, match="does not offer a pause") as refused:
        PauseSending().plan(door(standin, subaccount=""))
    assert "subaccount" in refused.value.remedy
    assert standin.changes == []


def test_a_domain_that_only_sends_cannot_be_paused_at_resend(resend: ResendStandIn) -> None:
    resend.capabilities["receiving"] = "disabled"
    provider = door(resend)
    with pytest.raises(NotOffered, match="receives nothing"):
        PauseSending().apply(provider, plan=planned(PauseSending(), provider))
    assert resend.changes == []


def test_what_amazon_has_stopped_is_not_ours_to_resume(ses: SesStandIn) -> None:
    ses.enforced, ses.enabled = "SHUTDOWN", False
    plan = planned(ResumeSending(), door(ses))
    assert plan.commands == ()
    assert "itself has stopped us" in plan.does


@pytest.mark.parametrize("ill", [{"limited": True}, {"status": 503}])
def test_the_labs_trouble_lasts_until_the_pause_and_comes_back_without_it(
    mailgun: MailgunStandIn, ill: dict[str, object]
) -> None:
    provider = door(mailgun)
    action = PauseAtLimit() if "limited" in ill else PauseInOutage()
    tell(mailgun, **ill)
    for _ in range(3):
        assert provider.api().knock().status in (429, 503)
    plan = planned(action, provider)
    outcome = action.apply(provider, plan=plan)
    assert provider.api().knock().status == 200
    back = action.undoing(plan, outcome)
    assert back is not None
    back.apply(provider, plan=planned(back, provider))
    assert provider.api().knock().status in (429, 503)


@pytest.fixture
def keyed(mailgun: MailgunStandIn, tmp_path: Path) -> MailProvider:
    """A provider whose key lies in a file, and that has a spare one."""
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    file.chmod(0o640)
    return door(mailgun, key=None, key_file=file, spare_key=SecretStr(SPARE))


def revoke(mailgun: MailgunStandIn, *keys: str) -> None:
    tell(mailgun, revoked=[lab._sha256(key) for key in keys])


def test_it_puts_the_spare_key_in_place_and_shows_neither(mailgun: MailgunStandIn, keyed: MailProvider) -> None:
    assert keyed.key_file is not None
    action = UseSpareKey()
    assert planned(action, keyed).does == "Nothing to replace: the key that is there is taken."
    revoke(mailgun, KEY)
    plan = planned(action, keyed)
    assert keyed.key_file.read_text(encoding="utf-8") == f"{KEY}\n"
    outcome = action.apply(keyed, plan=plan)
    assert outcome.complete
    assert keyed.key_file.read_text(encoding="utf-8") == f"{SPARE}\n"
    assert action.applied(keyed, plan=plan) is True
    kept = keyed.key_file.with_name("key.before")
    assert [file.stat().st_mode & 0o777 for file in (keyed.key_file, kept)] == [0o640, 0o640]
    assert not keyed.key_file.with_name("key.new").exists()
    for shown in (str(plan), str(outcome)):
        assert KEY not in shown
        assert SPARE not in shown

    back = action.undoing(plan, outcome)
    assert isinstance(back, PutKeyBack)
    assert back.apply(keyed, plan=planned(back, keyed)).complete
    assert keyed.key_file.read_text(encoding="utf-8") == f"{KEY}\n"


def test_a_spare_key_that_is_refused_too_is_not_put_anywhere(mailgun: MailgunStandIn, keyed: MailProvider) -> None:
    revoke(mailgun, KEY, SPARE)
    with pytest.raises(Refused, match="The spare key is answered 401, too: “Invalid private key”"):
        UseSpareKey().plan(keyed)
    assert keyed.key_now() == SecretStr(KEY)


def test_trouble_is_no_reason_to_change_a_key(mailgun: MailgunStandIn, keyed: MailProvider) -> None:
    tell(mailgun, status=503)
    with pytest.raises(CannotLook, match="cannot be told"):
        UseSpareKey().plan(keyed)


def test_a_key_that_somebody_put_there_meanwhile_is_left_alone(mailgun: MailgunStandIn, keyed: MailProvider) -> None:
    assert keyed.key_file is not None
    revoke(mailgun, KEY)
    action = UseSpareKey()
    plan = planned(action, keyed)
    keyed.key_file.write_text("a-third-key\n", encoding="utf-8")
    with pytest.raises(Refused, match="another key"):
        action.apply(keyed, plan=plan)
    assert keyed.key_file.read_text(encoding="utf-8") == "a-third-key\n"
    assert not keyed.key_file.with_name("key.before").exists()


def test_without_a_spare_key_the_lines_to_add_are_said(mailgun: MailgunStandIn) -> None:
    with pytest.raises(Refused, match="no spare key") as refused:
        UseSpareKey().plan(door(mailgun))
    assert "spare_key" in refused.value.remedy


def test_it_suppresses_exactly_those_that_do_not_exist(mailgun: MailgunStandIn) -> None:
    provider, action = door(mailgun), SuppressHardBounced()
    tell(mailgun, bounced={"hard": 3, "soft": 2, "block": 2})
    provider.api().suppress(["hard1@example.org"])
    mailgun.seen.clear()
    plan = planned(action, provider)
    assert targets(plan) == ["hard0@example.org", "hard2@example.org"]
    assert plan.commands[0].line == "POST /v3/mg.example.com/bounces  h…@example.org"
    assert "hard0@" not in plan.does + str(plan.evidence)
    assert mailgun.changes == []

    # Meanwhile one more failed, and one of the two was suppressed by the provider itself.
    tell(mailgun, bounced={"hard": 4})
    theirs = {"address": "hard2@example.org", "code": "550", "error": "No such user", "created_at": "x"}
    mailgun.provider.state["lists"]["bounces"]["hard2@example.org"] = theirs
    outcome = action.apply(provider, plan=plan)
    assert [sent["address"] for _, _, body in mailgun.changes for sent in body] == ["hard0@example.org"]
    assert outcome.not_done == [plan.commands[1].target]
    assert action.applied(provider, plan=plan) is True

    back = action.undoing(plan, outcome)
    assert back is not None
    undo = planned(back, provider)
    assert targets(undo) == ["hard0@example.org"]
    back.apply(provider, plan=undo)
    assert mailgun.changes[-1] == ("DELETE", "/v3/mg.example.com/bounces/hard0@example.org", None)
    assert set(mailgun.provider.state["lists"]["bounces"]) == {"hard1@example.org", "hard2@example.org"}
    assert planned(back, provider).commands == ()


def test_no_more_than_a_person_looks_through_at_once(mailgun: MailgunStandIn) -> None:
    tell(mailgun, bounced={"hard": 120})
    plan = planned(SuppressHardBounced(), door(mailgun))
    assert len(plan.commands) == 100
    assert "20 more come in a round of their own." in plan.does


def test_it_suppresses_at_each_vendor_and_takes_back_what_is_ours(standin: StandIn) -> None:
    api = door(standin).api()
    assert not api.is_suppressed("new@example.org")
    api.suppress(["new@example.org"])
    assert api.is_suppressed("new@example.org")
    ours = [one for one in api.suppressions(100).found if one.address == "new@example.org"]
    assert [(one.cause, one.kept_in) for one in ours] == [api.puts]
    api.release(ours[0])
    assert not api.is_suppressed("new@example.org")
    # Once more: it is gone already, and that is no error.
    api.release(ours[0])


def test_it_lets_go_of_those_that_are_held_for_nothing_and_of_no_others(sendgrid: SendGridStandIn) -> None:
    provider, action = door(sendgrid), ReleaseWronglySuppressed()
    plan = planned(action, provider)
    assert targets(plan) == ["full@example.org"]
    assert plan.commands[0].line == "DELETE /v3/suppression/bounces/f…@example.org"
    outcome = action.apply(provider, plan=plan)
    assert sendgrid.changes == [("DELETE", "/v3/suppression/bounces/full@example.org", None)]
    assert [one["email"] for one in sendgrid.lists["bounces"]] == ["gone@example.org"]
    assert action.applied(provider, plan=plan) is True
    # A run that is taken up again finds nothing left to do.
    assert action.apply(provider, plan=plan).not_done == [plan.commands[0].target]

    back = action.undoing(plan, outcome)
    assert back is not None
    back.apply(provider, plan=planned(back, provider))
    assert list(sendgrid.unsubscribed) == ["full@example.org"]


def test_who_complained_is_never_let_go(sendgrid: SendGridStandIn) -> None:
    sendgrid.lists["spam_reports"].append({"created": 1, "email": "full@example.org", "ip": "192.0.2.7"})
    provider, action = door(sendgrid), ReleaseWronglySuppressed()
    action.apply(provider, plan=planned(action, provider))
    assert provider.api().is_suppressed("full@example.org")


def test_no_vendor_is_asked_to_empty_a_list(standin: StandIn) -> None:
    """`DELETE` on a list, without an address, clears all of it at two of the four."""
    provider = door(standin)
    for action in (ReleaseWronglySuppressed(),):
        action.apply(provider, plan=planned(action, provider))
    assert [line for line in standin.changes if line[0] == "DELETE" and "@" not in line[1]] == []


def test_workers_are_restarted_only_while_the_provider_takes_mails(mailgun: MailgunStandIn, tmp_path: Path) -> None:
    service = ApplicationService(restart=("touch", str(tmp_path / "restarted")), status=("true",))
    provider, action = door(mailgun), RestartWorkers()
    tell(mailgun, status=503)
    assert action.plan(provider, service).does.startswith("Nothing to restart: Mailgun answers 503")
    tell(mailgun)
    plan = action.plan(provider, service)
    assert not (tmp_path / "restarted").exists()
    assert action.apply(provider, service, plan=plan).complete
    assert (tmp_path / "restarted").exists()
