"""What is asked, what is kept within a question, and in whose words a refusal is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr

from tasks.check import check
from tasks.environment import Environment, Kind
from tasks.kept import let_go, one_question
from tasks.model import CannotLook, Finding, Json, Refused, Verdict
from tasks.web.door import Door
from tasks.web.exchange import bearer
from tasks.web.system import HostedApi
from tests.tasks.web.conftest import Reply, Vendor, silent


def slack(status: int, body: Json) -> CannotLook | None:
    if isinstance(body, dict) and body.get("ok") is False:
        return Refused(f"Slack says {body.get('error')}.", remedy="Invite the bot.")
    return None


def test_it_asks_the_same_once_within_a_question(vendor: Vendor) -> None:
    door = vendor.door()
    with one_question():
        for _ in range(3):
            door.get("/x", params={"a": 1})
        assert len(vendor.asked) == 1
        door.get("/x", params={"a": 2})
        door.get("/y")
    assert [asked.path for asked in vendor.asked] == ["/x?a=1", "/x?a=2", "/y"]
    assert len({asked.connection for asked in vendor.asked}) == 1


def test_it_keeps_nothing_beyond_a_question(vendor: Vendor) -> None:
    for _ in range(2):
        with one_question():
            vendor.door().get("/x")
    vendor.door().get("/x")
    vendor.door().get("/x")
    assert len({asked.connection for asked in vendor.asked}) == 4


def test_it_asks_anew_after_a_pause_and_after_a_change(vendor: Vendor) -> None:
    door = vendor.door()
    with one_question():
        door.get("/x")
        let_go()
        door.get("/x")
        assert len(vendor.asked) == 2
        door.send("POST", "/search", reads=True)
        door.get("/x")
        assert len(vendor.asked) == 3
        door.send("DELETE", "/x")
        door.get("/x")
        assert len(vendor.asked) == 5


def test_it_asks_anew_after_a_change_that_failed(vendor: Vendor) -> None:
    with one_question():
        vendor.door().get("/x")
        vendor.replies = [Reply(hangs_up=True), Reply()]
        with pytest.raises(CannotLook):
            vendor.door().send("POST", "/x")
        vendor.door().get("/x")
    assert [asked.method for asked in vendor.asked] == ["GET", "POST", "GET"]


def test_it_shows_one_key_nothing_that_was_told_to_another(vendor: Vendor) -> None:
    with one_question():
        for secret in ("a", "b", "a"):
            Door(place=vendor.place(bearer(SecretStr(secret))), words=silent).get("/x")
    assert [asked.headers["Authorization"] for asked in vendor.asked] == ["Bearer a", "Bearer b"]


def test_it_does_not_keep_what_may_pass(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=503), Reply(body=b"[1]")]
    with one_question():
        with pytest.raises(CannotLook):
            vendor.door(attempts=1).get("/x")
        assert vendor.door(attempts=1).get("/x").body == [1]


def test_it_says_a_refusal_in_the_vendors_words(vendor: Vendor) -> None:
    vendor.replies = [Reply(body=b'{"ok": false, "error": "not_in_channel"}')]
    with pytest.raises(Refused, match=r"^Slack says not_in_channel\.$") as caught:
        Door(place=vendor.place(), words=slack).get("/x")
    assert caught.value.remedy == "Invite the bot."


def test_it_leaves_a_vendors_table_of_words_as_it_is(vendor: Vendor) -> None:
    words = {500: CannotLook("It stumbled.", remedy="Wait.")}
    vendor.replies = [Reply(status=500)]
    for _ in range(2):
        with pytest.raises(CannotLook) as caught:
            Door(place=vendor.place(), words=lambda status, _: words.get(status)).send("POST", "/x")
        assert caught.value.says == "It stumbled. It may have been done all the same: look before it is done again."
    assert str(words[500]) == "It stumbled."


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (401, Refused, "Slack refuses us (401)."),
        (403, Refused, "Slack refuses us (403)."),
        (404, Refused, "Slack answers 404."),
        (422, Refused, "Slack answers 422."),
        (429, CannotLook, "Slack answers 429: it was asked too often."),
        (500, CannotLook, "Slack answers 500: it is in trouble itself."),
        (503, CannotLook, "Slack answers 503: it is in trouble itself."),
    ],
)
def test_it_has_words_where_the_vendor_has_none(
    vendor: Vendor, status: int, error: type[CannotLook], says: str
) -> None:
    vendor.replies = [Reply(status=status)]
    with pytest.raises(CannotLook) as caught:
        Door(place=vendor.place(), words=slack, name="Slack").get("/x")
    assert (type(caught.value), str(caught.value), caught.value.says) == (error, says, says)


def test_it_takes_a_refusal_for_an_answer_where_that_is_one(vendor: Vendor) -> None:
    vendor.replies = [Reply(status=404, body=b"Not found")]
    with one_question():
        answer = vendor.door().get("/bounces/a", taken=(404,))
        assert (answer.status, answer.body) == (404, "Not found")
        with pytest.raises(Refused):
            vendor.door().get("/bounces/a")
    assert len(vendor.asked) == 1


def test_it_sends_json_and_forms(vendor: Vendor) -> None:
    vendor.door().send("POST", "/j", json={"a": [1]})
    vendor.door().send("PUT", "/f", form={"code": "550", "tags": ["x", "y"]})
    assert [asked.body for asked in vendor.asked] == [b'{"a":[1]}', b"code=550&tags=x&tags=y"]
    assert vendor.asked[0].headers["Content-Type"] == "application/json"


def test_it_says_who_asks(vendor: Vendor) -> None:
    place = replace(vendor.place(), headers=(("anthropic-version", "2023-06-01"),))
    Door(place=place, words=silent).get("/x")
    headers = vendor.asked[0].headers
    assert (headers["User-Agent"], headers["Accept"]) == ("incident-pipelines", "application/json")
    assert headers["anthropic-version"] == "2023-06-01"


class Provider(HostedApi):
    """A vendor's folder, as small as it can be."""

    kind = "test-provider"
    token: SecretStr

    @property
    def door(self) -> Door:
        return Door(place=self.place(bearer(self.token)), words=silent)


@check
def check_provider(provider: Provider) -> Finding:
    """Is it asked once, whatever it is asked for?"""
    bodies = [provider.door.get("/x").body for _ in range(2)]
    return Finding(verdict=Verdict.OK, says=str(bodies[0]))


def test_it_serves_a_check(vendor: Vendor) -> None:
    provider = Provider(url=f"{vendor.url}/", token=SecretStr("t"), timeout_s=3)
    place = Environment(name="here", kind=Kind.LAB, systems={"provider": provider})
    check_provider.ask(place)
    check_provider.ask(place)
    assert [asked.path for asked in vendor.asked] == ["/x", "/x"]
    assert provider.door.place.limits.total_s == 3


@pytest.mark.parametrize("url", ["api.example.com", "ftp://x", "https://", "https://api:s3cret@api.example.com"])
def test_it_refuses_an_address_that_is_none_or_holds_a_secret(url: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        Provider(url=url, token=SecretStr("t"))
    assert "s3cret" not in str(caught.value)
