"""What we ask the four vendors, each by its stand-in: sentences, both sides of each limit, what is not offered."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from deployments.lab import provider as lab
from tasks.check import Check
from tasks.kept import one_question
from tasks.mail_provider.access.checks import (
    check_mail_provider_answers,
    check_mail_provider_domain,
    check_mail_provider_key,
    check_mail_provider_queue,
    check_mail_provider_rate_limit,
    check_mail_provider_standing,
)
from tasks.mail_provider.addresses.checks import check_mail_provider_suppressed
from tasks.mail_provider.mails.checks import (
    check_mail_provider_bounces,
    check_mail_provider_complaints,
    check_mail_provider_failures,
    check_mail_provider_reasons,
)
from tasks.mail_provider.system import MailProvider
from tasks.mail_provider.told import NotOffered
from tasks.model import CannotLook, Earlier, Finding, Refused, Verdict
from tests.tasks.mail_provider.conftest import door
from tests.tasks.mail_provider.standins import (
    KEY,
    MailgunStandIn,
    ResendStandIn,
    SendGridStandIn,
    SesStandIn,
    StandIn,
)

OK, WARN, BAD = Verdict.OK, Verdict.WARN, Verdict.BAD
ALL: tuple[Check[Any], ...] = (
    check_mail_provider_answers,
    check_mail_provider_key,
    check_mail_provider_rate_limit,
    check_mail_provider_domain,
    check_mail_provider_queue,
    check_mail_provider_standing,
    check_mail_provider_failures,
    check_mail_provider_reasons,
    check_mail_provider_bounces,
    check_mail_provider_complaints,
    check_mail_provider_suppressed,
)
NOT_OFFERED = {
    "SendGridStandIn": {check_mail_provider_queue.name},
    "ResendStandIn": {check_mail_provider_queue.name},
    "SesStandIn": {check_mail_provider_queue.name, check_mail_provider_reasons.name},
}
STRANGE = (
    b"<html>" + b"x" * 10_000 + b"</html>",
    b"",
    b"null",
    b'{"items": 7, "domain": [], "aggregates": {"metrics": {"delivered_count": "many"}}, "data": 3, "totals": []}',
    b'[{"stats": [{"metrics": {"delivered": -1}}], "domain": 7, "email": {"a": 1}, "username": "crm"}]',
)
HTML = b"<html><title>Sign in</title>" + b"x" * 10_000 + b"</html>"


def ask(asked: Check[Any], provider: MailProvider, **more: object) -> Finding:
    # One connection for all that it looks at, as when it is asked in an incident.
    with one_question():
        found: Finding = asked.fn(provider, **more)
    return found


def tell(standin: MailgunStandIn, **what: object) -> None:
    (standin.provider.folder / lab.TROUBLE).write_text(json.dumps(what), encoding="utf-8")


def test_it_says_what_an_engineer_would_say(mailgun: MailgunStandIn) -> None:
    tell(mailgun, bounced={"hard": 80, "soft": 15, "block": 25})
    provider = door(mailgun)
    hour = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%d %H:00 UTC")
    assert ask(check_mail_provider_failures, provider).says == (
        f"Mailgun, mg.example.com, since {hour}: failed 9.09% of 1,320 mails (bad from 10%)."
    )
    assert ask(check_mail_provider_reasons, provider).says == (
        "Mailgun: 120 mails failed in the last hour: 80 hard, 15 soft, 25 block; example.org blocked 25 (bad from 20)."
    )
    assert ask(check_mail_provider_domain, provider).says == (
        "mg.example.com is verified at Mailgun (active there); none of its 2 records is missed."
    )


@pytest.mark.parametrize("asked", ALL, ids=lambda asked: asked.name)
def test_each_vendor_answers_or_does_not_offer_it(standin: StandIn, asked: Check[Any]) -> None:
    """Which a vendor does not offer is neither a crash nor health: it is raised, typed, and becomes UNKNOWN."""
    offered = asked.name not in NOT_OFFERED.get(type(standin).__name__, set())
    if offered:
        assert ask(asked, door(standin)).says
        return
    with pytest.raises(NotOffered, match="does not tell"):
        ask(asked, door(standin))


@pytest.mark.parametrize(
    ("trouble", "verdict", "says"),
    [
        ((503, {"message": "try later"}), BAD, "answers 503"),
        ((500, {"message": "oops"}), BAD, "answers 500"),
        ((200, HTML), BAD, "none of its API's answers"),
        ((429, {"message": "slow down"}), OK, "answers 429"),
        ((401, {"message": "who?"}), OK, "answers 401"),
    ],
)
def test_what_is_an_answer(sendgrid: StandIn, trouble: tuple[int, Any], verdict: Verdict, says: str) -> None:
    sendgrid.trouble = trouble
    found = ask(check_mail_provider_answers, door(sendgrid))
    assert found.verdict is verdict
    assert says in found.says
    assert len(found.says) < 500
    sendgrid.seen.clear()


def test_silence_is_no_answer(sendgrid: StandIn) -> None:
    nobody = door(sendgrid, url="http://127.0.0.1:1")
    found = ask(check_mail_provider_answers, nobody)
    assert found.verdict is BAD
    assert found.says.startswith("No mail is taken: SendGrid cannot be reached")
    with pytest.raises(CannotLook):
        ask(check_mail_provider_failures, nobody)


def test_a_key_that_is_not_known(standin: StandIn) -> None:
    """Whatever the vendor's number for it is, and with its own words; the key itself is in none of ours."""
    other = SecretStr("SG.a-key-that-was-revoked-long-ago")
    given = {"access_key": SecretStr("AKIDOTHER")} if isinstance(standin, SesStandIn) else {}
    found = ask(check_mail_provider_key, door(standin, key=other, **given))
    assert found.verdict is BAD
    assert f"answers {401 if isinstance(standin, MailgunStandIn | SendGridStandIn) else 403}: “" in found.says
    assert other.get_secret_value() not in str(found)
    assert found.remedy


def test_a_key_that_the_vendor_repeats_is_taken_out(sendgrid: StandIn) -> None:
    sendgrid.trouble = (401, {"errors": [{"message": f"no such key {KEY} for jane.doe@example.com"}]})
    says = ask(check_mail_provider_key, door(sendgrid)).says
    assert "no such key ••• for j…@example.com" in says
    assert KEY not in says


def test_a_key_that_may_only_send_is_good(resend: StandIn) -> None:
    name = {"statusCode": 401, "name": "restricted_api_key", "message": "This API key is restricted"}
    resend.trouble = (401, name)
    found = ask(check_mail_provider_key, door(resend))
    assert (found.verdict, found.says) == (OK, "Resend takes this key, and lets it do nothing but send.")
    with pytest.raises(Refused):
        ask(check_mail_provider_domain, door(resend))


@pytest.mark.parametrize("status", [429, 503])
def test_trouble_says_nothing_about_the_key(standin: StandIn, status: int) -> None:
    standin.trouble = (status, {"message": "later"})
    with pytest.raises(CannotLook, match="says nothing about the key"):
        ask(check_mail_provider_key, door(standin))


def test_trouble_says_nothing_about_our_pace(mailgun: MailgunStandIn) -> None:
    """Mailgun's accounts may still be told of while the rest is down."""
    tell(mailgun, status=503)
    with pytest.raises(CannotLook, match="says nothing about our pace"):
        ask(check_mail_provider_rate_limit, door(mailgun))


def test_too_many_requests_are_said_with_the_wait(standin: StandIn) -> None:
    standin.trouble = (429, {"message": "slow down"})
    standin.headers["Retry-After"] = "3600"
    found = ask(check_mail_provider_rate_limit, door(standin))
    assert found.verdict is BAD
    if not isinstance(standin, SesStandIn):
        assert "It wants to be asked again in 60 min." in found.says


@pytest.mark.parametrize(("sent", "verdict"), [(39_999, OK), (40_000, WARN), (47_499, WARN), (47_500, BAD)])
def test_mails_that_are_left(ses: SesStandIn, sent: int, verdict: Verdict) -> None:
    ses.sent = float(sent)
    found = ask(check_mail_provider_rate_limit, door(ses))
    assert found.verdict is verdict
    assert f"{50_000 - sent:,} of 50,000 mails in 24 h are left" in found.says


def test_a_limit_of_requests_is_only_told(resend: StandIn) -> None:
    resend.headers["ratelimit-remaining"] = "0"
    assert ask(check_mail_provider_rate_limit, door(resend)).verdict is OK


@pytest.mark.parametrize(
    ("bounced", "verdict"),
    [({"hard": 23}, OK), ({"hard": 25}, WARN), ({"hard": 63}, WARN), ({"hard": 64}, BAD), ({"block": 300}, OK)],
)
def test_hard_bounces(mailgun: MailgunStandIn, bounced: dict[str, int], verdict: Verdict) -> None:
    tell(mailgun, bounced=bounced)
    assert ask(check_mail_provider_bounces, door(mailgun)).verdict is verdict


def test_a_rate_over_too_few_is_not_judged(resend: ResendStandIn) -> None:
    resend.counted = {"delivered": 190, "bounced": 9, "bounced_permanent": 9}
    found = ask(check_mail_provider_bounces, door(resend))
    assert found.verdict is OK
    assert "9 of 199 mails (too few to judge: 200 are needed)" in found.says


def test_complaints(sendgrid: SendGridStandIn) -> None:
    sendgrid.day |= {"delivered": 10_000, "spam_reports": 8}
    assert ask(check_mail_provider_complaints, door(sendgrid)).verdict is OK
    sendgrid.day["spam_reports"] = 11
    assert ask(check_mail_provider_complaints, door(sendgrid)).verdict is BAD


def test_amazon_counts_of_the_window_only(ses: SesStandIn) -> None:
    old = datetime.now(UTC) - timedelta(hours=30)
    ses.points.append((old, {"DeliveryAttempts": 9000, "Bounces": 9000, "Complaints": 9000, "Rejects": 0}))
    assert ask(check_mail_provider_bounces, door(ses)).facts["attempted"] == 1000


def test_reasons_are_grouped_and_name_nobody(sendgrid: SendGridStandIn) -> None:
    sendgrid.lists["blocks"][0]["reason"] = "550 5.7.1 <shy.one@example.net>: listed by a blocklist\x1b[31m"
    found = ask(check_mail_provider_reasons, door(sendgrid))
    assert [(row["kind"], row["receiver"], row["code"]) for row in found.rows] == [
        ("hard", "example.org", "550 5.1.1"),
        ("soft", "example.org", "452 4.2.2"),
        ("block", "example.net", "550 5.7.1"),
    ]
    assert found.rows[2]["said"] == "550 5.7.1 <s…@example.net>: listed by a blocklist [31m"


def test_a_message_is_named_by_which_the_vendors_support_finds_it(
    mailgun: MailgunStandIn, resend: StandIn, sendgrid: StandIn
) -> None:
    tell(mailgun, bounced={"block": 2})
    told = {
        name: [row.get("message") for row in ask(check_mail_provider_reasons, door(standin)).rows]
        for name, standin in (("mailgun", mailgun), ("resend", resend), ("sendgrid", sendgrid))
    }
    assert told["mailgun"] == ["20261129.block0@mg.example.com"]
    assert told["resend"]
    assert all(str(message).startswith("e-") for message in told["resend"])
    assert set(told["sendgrid"]) == {None}


@pytest.mark.parametrize(("blocked", "verdict"), [(4, OK), (5, WARN), (19, WARN), (20, BAD)])
def test_blocks_of_one_receiver(mailgun: MailgunStandIn, blocked: int, verdict: Verdict) -> None:
    tell(mailgun, bounced={"block": blocked, "hard": 50})
    assert ask(check_mail_provider_reasons, door(mailgun)).verdict is verdict


def test_a_domain_that_is_not_verified_shows_its_records(sendgrid: SendGridStandIn) -> None:
    found = ask(check_mail_provider_domain, door(sendgrid, domain="other.example.com"))
    assert found.verdict is BAD
    assert found.rows[0] == {
        "name": "em1.other.example.com",
        "type": "CNAME",
        "value": "u1.wl1.sendgrid.net",
        "found": False,
    }
    with pytest.raises(Refused, match=r"no authenticated domain third\.example\.com"):
        ask(check_mail_provider_domain, door(sendgrid, domain="third.example.com"))


def test_a_pause_is_a_warning_and_after_an_hour_an_outage(resend: ResendStandIn) -> None:
    provider = door(resend)
    provider.api().pause()
    first = ask(check_mail_provider_standing, provider)
    assert first.verdict is WARN
    assert "Sending is paused" in first.says
    since = first.facts["paused_since"]
    assert isinstance(since, float)
    later = Earlier(at_s=since, value=0.0, facts={"paused_since": since - 3600})
    assert ask(check_mail_provider_standing, provider, earlier=later).verdict is BAD
    provider.api().resume()
    assert ask(check_mail_provider_standing, provider, earlier=later).facts["paused_since"] is None


@pytest.mark.parametrize(
    ("enforced", "enabled", "verdict"),
    [
        ("HEALTHY", True, OK),
        ("HEALTHY", False, WARN),
        ("PROBATION", True, WARN),
        ("A_NEW_WORD", True, WARN),
        ("SHUTDOWN", True, BAD),
        ("SHUTDOWN", False, BAD),
    ],
)
def test_how_we_stand_with_amazon(ses: SesStandIn, enforced: str, enabled: bool, verdict: Verdict) -> None:
    ses.enforced, ses.enabled = enforced, enabled
    assert ask(check_mail_provider_standing, door(ses)).verdict is verdict


@pytest.mark.parametrize(("reputation", "verdict"), [(98.6, OK), (90, WARN), (75.1, WARN), (75, BAD)])
def test_reputation(sendgrid: SendGridStandIn, reputation: float, verdict: Verdict) -> None:
    sendgrid.reputation = reputation
    assert ask(check_mail_provider_standing, door(sendgrid)).verdict is verdict


def told(asked: Check[Any], provider: MailProvider) -> Finding:
    """As it is asked in an incident: what cannot be looked at is UNKNOWN."""
    try:
        return ask(asked, provider)
    except CannotLook as error:
        return Finding.unknown(error.says, remedy=error.remedy)


@pytest.mark.parametrize("vendor", ["mailgun", "sendgrid", "resend"])
@pytest.mark.parametrize("answer", STRANGE, ids=["html", "empty", "null", "table", "list"])
def test_an_answer_of_the_wrong_shape_is_no_health_and_no_crash(
    request: pytest.FixtureRequest, vendor: str, answer: bytes
) -> None:
    standin: StandIn = request.getfixturevalue(vendor)
    standin.trouble = (200, answer)
    found = {asked.name: told(asked, door(standin)) for asked in ALL}
    assert max(len(one.says) for one in found.values()) < 500
    # Of a list without addresses nothing is wrong; and whatever is JSON and 200 is an answer, to whoever has a key.
    well = {name for name, one in found.items() if one.verdict is OK}
    assert well <= (BY_STATUS | OF_LISTS if answer.startswith(b"[") else BY_STATUS if is_json(answer) else set())
    standin.seen.clear()


@pytest.mark.parametrize(
    "answer",
    [HTML, b"null", b'{"SendQuota": "x", "DkimAttributes": {"Tokens": 7}}'],
    ids=["html", "null", "table"],
)
def test_what_amazons_library_cannot_read_is_no_crash(ses: SesStandIn, answer: bytes) -> None:
    # One client for all: to make one takes longer than to ask.
    api = door(ses).api()
    ses.trouble = (200, answer)
    for look in (api.domain, api.standing, api.allowances, lambda: api.volume(datetime.now(UTC))):
        with pytest.raises(Refused, match="not as its documents say"):
            look()


def is_json(answer: bytes) -> bool:
    return answer.startswith((b"[", b"{", b"null"))


BY_STATUS = {check_mail_provider_answers.name, check_mail_provider_key.name, check_mail_provider_rate_limit.name}
OF_LISTS = {check_mail_provider_reasons.name, check_mail_provider_suppressed.name}


def test_a_flood_is_cut_off(sendgrid: StandIn) -> None:
    sendgrid.trouble = (200, b"[" + b" " * 5_000_000 + b"]")
    with pytest.raises(Refused, match="tells more than"):
        ask(check_mail_provider_failures, door(sendgrid))
    sendgrid.seen.clear()


def test_every_question_leaves_everything_as_it_is(standin: StandIn) -> None:
    for asked in ALL:
        told(asked, door(standin))
    assert standin.changes == []


def test_no_question_sends_a_mail(standin: StandIn) -> None:
    """3-32: "test the API" sent a mail to a domain that takes none, so that each test was a bounce."""
    for asked in ALL:
        told(asked, door(standin))
    # Mailgun, SendGrid, Resend, Amazon SES.
    sending = re.compile(r"POST .*/(messages(\.mime)?|mail/send|emails(/batch)?|outbound(-bulk)?-emails)$")
    asked_for = [f"{exchange.method} {urlsplit(exchange.target).path}" for exchange in standin.seen]
    assert asked_for
    assert [line for line in asked_for if sending.match(line)] == []


def test_the_lab_forgets_a_key_by_its_hash(mailgun: MailgunStandIn) -> None:
    tell(mailgun, revoked=[hashlib.sha256(KEY.encode()).hexdigest()])
    found = ask(check_mail_provider_key, door(mailgun))
    assert found.says == (
        "Mailgun does not take this key. It answers 401: “Invalid private key” to GET /v4/domains/mg.example.com."
    )
    (Path(mailgun.provider.folder) / lab.TROUBLE).unlink()
    assert ask(check_mail_provider_key, door(mailgun)).verdict is OK
