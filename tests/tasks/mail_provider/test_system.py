"""The mail provider as an environment configures it: what fits together, where its API is, and its key in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.mail_provider.access.faults import FailRequests, LimitRequests, RevokeKey
from tasks.mail_provider.reading import address, shown
from tasks.mail_provider.system import MailProvider
from tasks.model import Refused, Verdict
from tasks.web.reading import moment, number, text
from tests.tasks.mail_provider.conftest import door
from tests.tasks.mail_provider.standins import KEY, ResendStandIn, StandIn

BASE = {"domain": "mg.example.com", "key": "a-key-of-theirs"}


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"vendor": "mailgun"}, "https://api.mailgun.net"),
        ({"vendor": "mailgun", "region": "eu"}, "https://api.eu.mailgun.net"),
        ({"vendor": "sendgrid"}, "https://api.sendgrid.com"),
        ({"vendor": "sendgrid", "region": "eu"}, "https://api.eu.sendgrid.com"),
        ({"vendor": "resend"}, "https://api.resend.com"),
        # Amazon's own library knows its addresses.
        ({"vendor": "ses", "region": "eu-west-1", "access_key": "AKIDEXAMPLE"}, ""),
        ({"vendor": "mailgun", "url": "http://127.0.0.1:8000/"}, "http://127.0.0.1:8000"),
    ],
)
def test_where_its_api_is(settings: dict[str, str], address: str) -> None:
    assert MailProvider.model_validate({**BASE, **settings}).api().account.place.base == address


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"vendor": "postmark"}, "Input should be 'mailgun', 'sendgrid', 'resend' or 'ses'"),
        ({"vendor": "mailgun", "region": "eu-west-1"}, "`region` is none of mailgun's: 'us', 'eu'"),
        ({"vendor": "resend", "region": "eu"}, "leave it out"),
        ({"vendor": "ses"}, "Amazon SES needs `region`"),
        ({"vendor": "ses", "region": "eu-west-1"}, "`access_key` and `key`, or neither"),
        ({"vendor": "ses", "region": "eu-west-1", "key": None, "key_file": "/run/secrets/key"}, "come in pairs"),
        ({"vendor": "mailgun", "key": None}, "`key` is missing"),
        ({"vendor": "mailgun", "key_file": "/run/secrets/key"}, "not both"),
        ({"vendor": "mailgun", "spare_key": "another"}, "`spare_key` without `key_file`"),
        ({"vendor": "mailgun", "domain": "mg.example.com/../x"}, "domain"),
        ({"vendor": "mailgun", "url": "ftp://example.com"}, "must be the API's address"),
    ],
)
def test_what_does_not_fit_together_is_said_without_the_secret(settings: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        MailProvider.model_validate({**BASE, **settings})
    assert says in str(refused.value)
    assert "a-key-of-theirs" not in str(refused.value)


def test_doctor(standin: StandIn) -> None:
    assert [found.verdict for found in door(standin).examine()] == [Verdict.OK]
    standin.trouble = (403, {"message": "no", "name": "invalid_api_key", "errors": [{"message": "no"}]})
    found = next(iter(door(standin).examine()))
    assert found.verdict is Verdict.BAD
    assert "answers 403" in found.says


def test_doctor_of_a_key_that_may_only_send(resend: ResendStandIn) -> None:
    resend.trouble = (401, {"statusCode": 401, "name": "restricted_api_key", "message": "Only to send"})
    found = next(iter(door(resend).examine()))
    assert found.verdict is Verdict.UNKNOWN
    assert "a key that may read" in found.remedy


def test_a_key_file_that_is_missing(mailgun: StandIn, tmp_path: Path) -> None:
    provider = door(mailgun, key=None, key_file=tmp_path / "none")
    found = next(iter(door(mailgun).examine()))
    assert found.verdict is Verdict.OK
    with pytest.raises(Refused, match="No such file"):
        provider.api()


def test_the_key_is_read_anew_each_time(mailgun: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("wrong\n", encoding="utf-8")
    provider = door(mailgun, key=None, key_file=file)
    assert provider.api().knock().status == 401
    file.write_text(KEY, encoding="utf-8")
    assert provider.api().knock().status == 200


@pytest.mark.parametrize("fault", [RevokeKey(), LimitRequests(), FailRequests()])
def test_what_cannot_be_told_is_not_made_ill(mailgun: StandIn, fault: RevokeKey) -> None:
    with pytest.raises(Refused, match="it has no `drill_file`"):
        fault.cause(door(mailgun))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Thu, 11 Dec 2025 01:49:40 UTC", "2025-12-11T01:49:40+00:00"),
        ("2023-10-06 23:47:56.678+00", "2023-10-06T23:47:56.678000+00:00"),
        ("2026-07-01T00:00:00.000Z", "2026-07-01T00:00:00+00:00"),
        (1250337600, "2009-08-15T12:00:00+00:00"),
    ],
)
def test_moments_as_vendors_write_them(written: str | int, read: str) -> None:
    found = moment(written)
    assert found is not None
    assert found.isoformat() == read


@pytest.mark.parametrize(
    "written",
    [
        *(None, True, "yesterday", "2026-13-45 00:00:00+00", 1e300, -1, "", [], "2026-"),
        # Before the first moment in UTC, and behind the last.
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
    ],
)
def test_what_is_no_moment(written: object) -> None:
    assert moment(written) is None  # type: ignore[arg-type]  # whatever JSON holds


@pytest.mark.parametrize("value", [None, True, -1, float("nan"), float("inf"), 2**53, "7", [7]])
def test_what_counts_nothing(value: object) -> None:
    assert number(value) is None  # type: ignore[arg-type]  # whatever JSON holds


def test_what_is_shown_names_nobody_and_obeys_nothing() -> None:
    assert shown("550 <jane.doe@example.com>: unknown; ask postmaster@example.net") == (
        "550 <j…@example.com>: unknown; ask p…@example.net"
    )
    assert text("a\x1b[31m\nb\u202e") == "a [31m b"
    assert len(text("x" * 10_000)) == 300
    assert address("Jane <jane@example.com>") == "jane@example.com"
    assert address({"a": 1}) is None
