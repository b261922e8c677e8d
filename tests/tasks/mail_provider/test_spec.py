"""The stand-ins are held to what the vendors publish: these tests hold what they are held to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tasks.mail_provider.spec import USED, Exchange, committed, extracted, wrong

# Whoever has the whole descriptions says where: a folder as `files` in spec.py names its content.
WHOLE = Path(os.environ.get("INCIDENT_VENDOR_SPECS", Path(__file__).parents[4] / "shared" / "vendors"))
BOUNCES = "/v3/mg.example.com/bounces"
ADDED = b'[{"address": "a@example.org", "code": "550", "error": "x", "created_at": "Thu, 11 Dec 2025 01:49:40 UTC"}]'


def exchange(method: str, target: str, body: bytes = b"", status: int = 200, answer: bytes = b"") -> Exchange:
    return Exchange(method=method, target=target, body=body, status=status, answer=answer)


@pytest.mark.parametrize("vendor", USED)
def test_what_we_kept_of_it_is_what_it_says(vendor: str) -> None:
    if not WHOLE.is_dir():
        pytest.skip("The vendors' whole descriptions are not here; INCIDENT_VENDOR_SPECS names their folder.")
    assert committed(vendor) == extracted(WHOLE, vendor)


@pytest.mark.parametrize(
    ("slip", "says"),
    [
        (exchange("DELETE", BOUNCES), "there is no such request"),
        (exchange("POST", "/v3/mg.example.com/messages"), "there is no such request"),
        (exchange("GET", f"{BOUNCES}?size=10", answer=b"{}"), "takes no parameter 'size'"),
        (exchange("POST", BOUNCES, ADDED.replace(b"code", b"kode")), "'kode' was unexpected"),
        (exchange("POST", BOUNCES, b'[{"address": "a@example.org"}]'), "'created_at' is a required property"),
        (exchange("POST", BOUNCES, ADDED, status=202), "no such answer; there are 200"),
        (exchange("GET", BOUNCES, answer=b'{"items": []}'), "'paging' is a required property"),
        (exchange("GET", BOUNCES, answer=b'{"items": [7], "paging": {}}'), "7 is not of type 'object'"),
    ],
)
def test_it_finds_a_slip(slip: Exchange, says: str) -> None:
    assert says in " ".join(wrong("mailgun", slip))


def test_it_finds_none_where_there_is_none() -> None:
    assert wrong("mailgun", exchange("POST", BOUNCES, ADDED, answer=b'{"message": "1 address has been added"}')) == []
    # A refusal is not described further: what counts is what we make of it.
    assert wrong("mailgun", exchange("GET", "/v4/domains/mg.example.com", status=503, answer=b"<html>")) == []
    reputations = exchange("GET", "/v3/subusers/reputations?usernames=crm", answer=b"[]")
    assert wrong("sendgrid", reputations) == []
