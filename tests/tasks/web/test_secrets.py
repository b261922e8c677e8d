"""A secret goes into one header, and nowhere else: no URL, no error, no repr, no log."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from tasks.kept import one_question
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import Key, basic, bearer, in_query, named
from tasks.web.visit import Visit
from tests.tasks.web.conftest import SECRET, Reply, Vendor, silent

PAIR = base64.b64encode(f"api:{SECRET}".encode()).decode()
KEYS: dict[str, Callable[[SecretStr], Key]] = {
    f"Bearer {SECRET}": bearer,
    f"Basic {PAIR}": lambda secret: basic("api", secret),
    SECRET: lambda secret: named("X-Api-Key", secret),
}


def repeating(status: int, body: Json) -> CannotLook | None:
    """A vendor whose words hold what the server said."""
    return Refused(f"It says {body}.", remedy=f"Mend {body}.") if status == 401 else None


@pytest.mark.parametrize(("sent", "key"), list(KEYS.items()))
def test_it_shows_the_secret_to_the_server_only(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, sent: str, key: Callable[[SecretStr], Key]
) -> None:
    caplog.set_level(logging.DEBUG)
    place = vendor.place(key(SecretStr(SECRET)), read_s=2.0, attempts=1)
    door = Door(place=place, words=repeating)
    vendor.paths = {
        "/fine": Reply(),
        "/says": Reply(status=401, body=f"Incorrect API key provided: {sent} or {SECRET}".encode()),
        "/away": Reply(status=302, headers={"Location": "http://example.invalid/?key=another"}),
        "/hangs": Reply(hangs_up=True),
        "/slow": Reply(after_s=60),
    }
    shown = [repr(place), repr(door), str(place.key), repr(Visit(place))]
    with one_question():
        shown.append(repr(door.get("/fine")))
        for path in ("/says", "/away", "/hangs", "/slow"):
            with pytest.raises(CannotLook) as caught:
                door.get(path)
            shown += [*traceback.format_exception(caught.value), caught.value.says, caught.value.remedy]

    assert sent in vendor.asked[0].headers.values()
    assert all(SECRET not in asked.path for asked in vendor.asked)
    for text in [*shown, caplog.text]:
        assert SECRET not in text
        assert PAIR not in text
    assert "Incorrect API key provided: •••" in "".join(shown)


def test_it_sends_a_secret_in_the_query_and_keeps_no_url_with_it(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    # A server of ours keeps it quiet for its whole process.
    caplog.set_level(logging.DEBUG, logger="httpx")
    secret = "sk live/4711"
    door = Door(place=vendor.place(in_query("api", SecretStr(secret)), attempts=1), words=repeating)
    vendor.paths = {
        "/credits?email=ada&api=sk+live%2F4711": Reply(body=b"[7]"),
        "/says?api=sk+live%2F4711": Reply(status=401, body=b"no such key: sk%20live%2F4711, or sk live/4711"),
        "/away?api=sk+live%2F4711": Reply(status=302, headers={"Location": "http://example.invalid/?key=another"}),
    }
    with one_question():
        answer = door.get("/credits", params={"email": "ada"})
        shown = [repr(answer), repr(door)]
        for path in ("/says", "/away"):
            with pytest.raises(CannotLook) as caught:
                door.get(path)
            shown += [*traceback.format_exception(caught.value), caught.value.says, caught.value.remedy]

    assert answer.body == [7], vendor.asked
    assert "HTTP Request: GET" in caplog.text
    for text in [*shown, caplog.text]:
        assert not any(form in text for form in (secret, "sk+live", "sk%20live"))
    assert "email=ada" not in caplog.text


@pytest.mark.parametrize("secret", ["two\nlines", "line-at-its-end\n", "space ", "tab\t", "Schlüssel", "nul\x00", ""])
def test_it_sends_no_secret_that_no_header_can_hold(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Refused, match="holds what no header can") as caught:
        Door(place=vendor.place(bearer(SecretStr(secret))), words=silent).get("/x")
    assert vendor.asked == []
    assert not secret.strip() or secret.strip() not in "".join(traceback.format_exception(caught.value)) + caplog.text


def test_it_writes_in_a_key_what_the_vendor_looks_for(vendor: Vendor) -> None:
    for sent, key in KEYS.items():
        Door(place=vendor.place(key(SecretStr(SECRET))), words=silent).get("/x")
        assert sent in vendor.asked[-1].headers.values()
