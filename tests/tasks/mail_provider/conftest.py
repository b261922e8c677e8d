"""The four vendors, each by a stand-in whose every exchange is held against the vendor's description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from deployments.lab import provider as lab
from tasks.mail_provider.system import MailProvider
from tests.tasks.mail_provider.spec import wrong
from tests.tasks.mail_provider.standins import (
    DOMAIN,
    KEY,
    MailgunStandIn,
    ResendStandIn,
    SendGridStandIn,
    SesStandIn,
    StandIn,
    serving,
)

SPARE = "SG.another-key-that-nobody-may-read"


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts in seconds; none is really waited."""
    waited: list[float] = []
    monkeypatch.setattr("tasks.web.retry.sleep", waited.append)
    # botocore's own name for it: the process's clock is everybody's.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=waited.append))
    return waited


def held_to(vendor: str, standin: StandIn) -> Iterator[StandIn]:
    with serving(standin):
        yield standin
    assert [slip for exchange in standin.seen for slip in wrong(vendor, exchange)] == []


@pytest.fixture
def mailgun(tmp_path: Path) -> Iterator[StandIn]:
    (tmp_path / lab.KEYS).write_text(json.dumps({"first": KEY, "spare": SPARE}), encoding="utf-8")
    standin = MailgunStandIn(tmp_path)
    yield from held_to("mailgun", standin)
    standin.provider.server_close()


@pytest.fixture
def sendgrid() -> Iterator[StandIn]:
    yield from held_to("sendgrid", SendGridStandIn())


@pytest.fixture
def resend() -> Iterator[StandIn]:
    yield from held_to("resend", ResendStandIn())


@pytest.fixture
def ses() -> Iterator[StandIn]:
    # Held to Amazon's models by botocore itself, which sends and reads nothing else.
    with serving(SesStandIn()) as standin:
        yield standin


VENDORS = ("mailgun", "sendgrid", "resend", "ses")


@pytest.fixture(params=VENDORS)
def standin(request: pytest.FixtureRequest) -> StandIn:
    """Each of the four, one after the other."""
    one: StandIn = request.getfixturevalue(request.param)
    return one


def door(standin: StandIn, **settings: object) -> MailProvider:
    """The provider that this stand-in stands for, as an environment would have it."""
    own: dict[str, dict[str, object]] = {
        "MailgunStandIn": {"vendor": "mailgun", "subaccount": lab.SUBACCOUNT},
        "SendGridStandIn": {"vendor": "sendgrid", "subaccount": "crm"},
        "ResendStandIn": {"vendor": "resend"},
        "SesStandIn": {"vendor": "ses", "region": "eu-west-1", "access_key": SecretStr("AKIDEXAMPLE")},
    }
    told = {"url": standin.url, "domain": DOMAIN, "key": SecretStr(KEY), **own[type(standin).__name__], **settings}
    return MailProvider.model_validate({name: value for name, value in told.items() if value is not None})
