"""What is told of the calendars' OAuth servers, without a user; what is put right; and what is shown to nobody."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from tasks.calendar.actions import UseRegisteredRedirect, UseSpareSecret
from tasks.calendar.checks import (
    check_calendar_api,
    check_calendar_client,
    check_calendar_discovery,
    check_calendar_redirect,
    check_calendar_secret_ends,
)
from tasks.calendar.faults import RefuseClient, SendOtherRedirect
from tasks.calendar.provider import NO_TOKEN, Account, Google, Microsoft
from tasks.calendar.system import Calendar
from tasks.check import Check
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Refused, Verdict
from tasks.web.exchange import Answer
from tasks.web.exchange import Place as WebPlace
from tests.tasks.calendar.conftest import GOOGLE_URI, OTHER, SECRET, SPARE, Place

ALL: tuple[Check[Any], ...] = (
    check_calendar_discovery,
    check_calendar_client,
    check_calendar_redirect,
    check_calendar_api,
    check_calendar_secret_ends,
)


def mark(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@pytest.mark.parametrize("asked", ALL, ids=lambda one: one.name)
def test_it_is_well(place: Place, asked: Check[Any]) -> None:
    found = asked.fn(place.calendar())
    assert found.verdict is Verdict.OK, found.says


def test_doctor_asks_each_client(place: Place) -> None:
    assert [found.says for found in place.calendar().examine()] == [
        "Google takes our client.",
        "Microsoft takes our client.",
    ]


def test_it_uses_no_users_token(place: Place) -> None:
    """Microsoft gives a new refresh token with each use: ours would take the user's away."""
    for asked in ALL:
        asked.fn(place.calendar())
    forms = [parse_qs(body.decode()) for method, _, body, _ in place.vendors.seen if method == "POST"]
    assert [(form["grant_type"], form.get("refresh_token")) for form in forms] == [
        (["refresh_token"], [NO_TOKEN]),
        (["client_credentials"], None),
    ]
    # And nobody is asked to sign in, nor sent on.
    begun = [urlsplit(target) for _, target, _, _ in place.vendors.seen if "auth" in target.partition("?")[0]]
    assert {parse_qs(one.query)["prompt"][0] for one in begun if one.query} == {"none"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"client_id": "somebody-else"},
            "Google refuses our client: client id or secret is wrong, or was removed (401: “invalid_client The OAuth "
            "client was not found.”).",
        ),
        (
            {"secret_file": None, "spare_secret": None, "secret": "wrong"},
            "Google refuses our client: client id or secret is wrong, or was removed (401: “invalid_client "
            "Unauthorized”).",
        ),
    ],
)
def test_it_tells_whose_client_is_refused(place: Place, changed: dict[str, Any], says: str) -> None:
    found = check_calendar_client.fn(place.calendar(**changed))
    assert (found.verdict, found.says, found.value) == (Verdict.BAD, says, 1)
    assert found.remedy == "Make a new secret at the vendor, give it to the application, and restart it."
    assert [row["vendor"] for row in found.rows] == ["google"]


def test_it_asks_a_shared_tenant_by_a_token_that_is_none(place: Place) -> None:
    door = place.calendar()
    google, microsoft = door.clients
    common = door.model_copy(update={"clients": (google, microsoft.model_copy(update={"tenant": "common"}))})
    assert check_calendar_client.fn(common).verdict is Verdict.OK
    place.tell(microsoft={"refused": [mark(OTHER)]})
    found = check_calendar_client.fn(common)
    assert found.says.startswith("Microsoft refuses our client: client id or secret is wrong, or was removed (401: “")


def test_it_knows_no_such_tenant(place: Place) -> None:
    door = place.calendar(only="microsoft")
    other = door.model_copy(update={"clients": (door.clients[0].model_copy(update={"tenant": "nobody.example"}),)})
    with pytest.raises(Refused, match=r"Microsoft knows no tenant 'nobody.example'\.") as told:
        check_calendar_discovery.fn(other)
    assert told.value.remedy == "Correct `tenant`."
    assert check_calendar_client.fn(other).says.startswith("Microsoft refuses our client: there is no such tenant (400")


def test_a_vendor_in_trouble_says_nothing_of_our_client(place: Place) -> None:
    place.tell(google={"status": 503})
    found = check_calendar_client.fn(place.calendar())
    assert found.verdict is Verdict.UNKNOWN
    assert "that says nothing about our client" in found.says
    assert check_calendar_discovery.fn(place.calendar()).verdict is Verdict.BAD
    assert check_calendar_api.fn(place.calendar()).says == (
        "Google's calendar API answers 503: it is in trouble itself."
    )


def test_it_compares_redirect_uris_letter_by_letter(place: Place) -> None:
    (place.folder / "redirect").write_text(f"{GOOGLE_URI}/\n", encoding="utf-8")
    found = check_calendar_redirect.fn(place.calendar())
    assert (found.verdict, found.says) == (
        Verdict.BAD,
        f"Google refuses {GOOGLE_URI}/, and registered is {GOOGLE_URI}: the redirect URI is not among the registered "
        "ones.",
    )
    # Registered in the meantime: then what we are told is registered is what is old.
    found = check_calendar_redirect.fn(place.calendar(redirect_uri=f"{GOOGLE_URI}/elsewhere", redirect_file=None))
    assert found.verdict is Verdict.BAD
    (place.folder / "redirect").write_text(f"{GOOGLE_URI}\n", encoding="utf-8")
    found = check_calendar_redirect.fn(place.calendar(redirect_uri=f"{GOOGLE_URI}/elsewhere"))
    assert found.verdict is Verdict.WARN


def test_where_its_pages_cannot_be_read_the_comparison_stands(place: Place) -> None:
    place.tell(google={"status": 500})
    assert check_calendar_redirect.fn(place.calendar()).verdict is Verdict.OK
    (place.folder / "redirect").write_text("https://other.example/callback\n", encoding="utf-8")
    assert check_calendar_redirect.fn(place.calendar()).verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("days", "verdict"), [(31, Verdict.OK), (30, Verdict.WARN), (8, Verdict.WARN), (7, Verdict.BAD), (-1, Verdict.BAD)]
)
def test_it_says_when_a_secret_ends(place: Place, days: int, verdict: Verdict) -> None:
    ends = (datetime.now(UTC) + timedelta(days=days)).date()
    found = check_calendar_secret_ends.fn(place.calendar(secret_expires=ends))
    assert found.verdict is verdict
    assert str(ends) in found.says


@pytest.mark.parametrize(
    ("told", "means"),
    [
        ("ChVyZWRpcmVjdF91cmlfbWlzbWF0Y2gSAA==", "the redirect URI is not among the registered ones"),
        ("invalid_client", "client id or secret is wrong, or was removed"),
        ("%%%" + "A" * 5000, "an error of which nothing is known"),
    ],
)
def test_it_reads_where_google_sends_a_browser(told: str, means: str) -> None:
    google = Google(Account(place=WebPlace(base="https://x.example"), client_id="x"))
    location = f"https://accounts.google.com/signin/oauth/error?authError={told}"
    answer = Answer(status=302, url="", headers={"location": location}, links={}, content=b"")
    reason = google.redirect_refused(answer)
    assert reason is not None
    assert reason.means == means


def test_it_asks_the_vendors_own_hosts() -> None:
    google = Google(Account(place=WebPlace(base="https://x.example"), client_id="x"))
    assert google.discovery_url == "https://accounts.google.com/.well-known/openid-configuration"
    assert google.endpoints == {
        "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_endpoint": "https://oauth2.googleapis.com/token",
    }
    microsoft = Microsoft(Account(place=WebPlace(base="https://x.example"), client_id="x"))
    assert microsoft.discovery_url == "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
    assert microsoft.endpoints["token_endpoint"] == "https://login.microsoftonline.com/common/oauth2/v2.0/token"


def test_it_puts_the_spare_secret_in_place_and_the_old_one_back(place: Place) -> None:
    door, file = place.calendar(), place.folder / "secret"
    assert UseSpareSecret().plan(door).commands == ()
    place.tell(google={"refused": [mark(SECRET)]})
    plan = UseSpareSecret().plan(door)
    assert [command.target["from"] for command in plan.commands] == [mark(SECRET)[:8]]
    outcome = UseSpareSecret().apply(door, plan)
    assert (outcome.complete, outcome.says) == (True, "Google takes what is there now.")
    assert file.read_text() == f"{SPARE}\n"
    assert UseSpareSecret().applied(door, plan) is True
    assert check_calendar_client.fn(door).verdict is Verdict.OK
    back = UseSpareSecret().undoing(plan, outcome)
    assert back is not None
    putting = back.plan(door)
    assert back.apply(door, putting).complete
    assert (file.read_text(), back.applied(door, putting)) == (f"{SECRET}\n", True)
    # The second time there is nothing to put back.
    assert back.plan(door).commands == ()


def test_it_puts_no_secret_in_place_that_is_refused_as_well(place: Place) -> None:
    place.tell(google={"refused": [mark(SECRET), mark(SPARE)]})
    plan = UseSpareSecret().plan(place.calendar())
    assert (plan.commands, plan.does) == (
        (),
        "Google refuses the other one, too: client id or secret is wrong, or was removed.",
    )


def test_it_leaves_a_file_alone_that_somebody_changed_since(place: Place) -> None:
    place.tell(google={"refused": [mark(SECRET)]})
    plan = UseSpareSecret().plan(place.calendar())
    (place.folder / "secret").write_text("new\n", encoding="utf-8")
    outcome = UseSpareSecret().apply(place.calendar(), plan)
    assert (outcome.complete, (place.folder / "secret").read_text()) == (False, "new\n")
    with pytest.raises(Refused, match="not what was approved"):
        UseSpareSecret().apply(place.calendar(spare_secret="another"), plan)


def test_it_puts_the_registered_redirect_in_place_and_the_old_one_back(place: Place) -> None:
    file, door = place.folder / "redirect", place.calendar()
    file.write_text(f"{GOOGLE_URI}/\n", encoding="utf-8")
    plan = UseRegisteredRedirect().plan(door)
    assert [command.line for command in plan.commands] == [f"install {GOOGLE_URI} redirect"]
    outcome = UseRegisteredRedirect().apply(door, plan)
    assert (outcome.complete, file.read_text()) == (True, f"{GOOGLE_URI}\n")
    assert UseRegisteredRedirect().plan(door).commands == ()
    back = UseRegisteredRedirect().undoing(plan, outcome)
    assert back is not None
    assert back.apply(door, back.plan(door)).complete
    assert file.read_text() == f"{GOOGLE_URI}/\n"


def test_no_secret_is_in_anything_that_is_told(place: Place) -> None:
    """Canaries: in findings, plans, outcomes, errors, the settings' own words, and what goes into addresses."""
    door = place.calendar()
    told: list[object] = []
    place.tell(google={"refused": [mark(SECRET)]})
    (place.folder / "redirect").write_text(f"{GOOGLE_URI}/\n", encoding="utf-8")
    told += [asked.fn(door) for asked in ALL]
    for action in (UseSpareSecret(), UseRegisteredRedirect()):
        plan = action.plan(door)
        assert plan.commands
        told += [plan, action.apply(door, plan)]
        back = action.undoing(plan, action.apply(door, plan))
        told += [back and back.plan(door)]
    told += [*door.examine(), door, repr(door.clients), [target for _, target, _, _ in place.vendors.seen]]
    for canary in (SECRET, SPARE, OTHER):
        assert canary not in repr(told)


@pytest.mark.parametrize("repeated", ["canary~one+two", "canary~one%2Btwo", NO_TOKEN])
def test_a_vendor_that_repeats_what_it_heard_is_not_repeated(place: Place, repeated: str) -> None:
    google = place.calendar().at(place.calendar().clients[0])
    body = f'{{"error": "invalid_client", "error_description": "Bad secret: {repeated}"}}'.encode()
    answer = Answer(status=401, url="", headers={}, links={}, content=body)
    says = google._knocked("POST x", answer, SecretStr("canary~one+two")).says
    assert says in ("invalid_client Bad secret: •••", "invalid_client Bad secret: …")


@pytest.mark.parametrize(
    ("fault", "noticed_by", "action"),
    [
        (RefuseClient(), check_calendar_client, UseSpareSecret()),
        (SendOtherRedirect(), check_calendar_redirect, UseRegisteredRedirect()),
    ],
)
@pytest.mark.parametrize("resolved", [True, False])
def test_its_drills_are_noticed_resolved_and_leave_nothing(
    place: Place, fault: Any, noticed_by: Check[Any], action: Any, *, resolved: bool
) -> None:
    there = Environment(name="lab", kind=Kind.LAB, systems={"calendar": place.calendar()})
    before = {file.name: file.read_text() for file in place.folder.iterdir()}
    with fault.during(there):
        assert noticed_by.ask(there).verdict is Verdict.BAD
        if resolved:
            action.apply(place.calendar(), action.plan(place.calendar()))
            assert noticed_by.ask(there).verdict is Verdict.OK
    assert {file.name: file.read_text() for file in place.folder.iterdir()} == before


def test_nobody_listens_there(place: Place) -> None:
    door = place.calendar(only="google", url="http://127.0.0.1:9/google")
    assert check_calendar_discovery.fn(door).verdict is Verdict.BAD
    with pytest.raises(CannotLook, match="Google cannot be reached"):
        check_calendar_client.fn(door)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"secret": "x"}, "one of them"),
        ({"secret_file": None}, "give `secret` or `secret_file`"),
        ({"secret_file": None, "secret": "x"}, "say in which file"),
        ({"tenant": "x"}, "only Microsoft"),
        ({"redirect_uri": "app.example.com/callback"}, "sent back to"),
        ({"redirect_uri": "https://app.example.com/callback#x"}, "fragment"),
        ({"redirect_uri": "https://app.example.com/" + "x" * 2000}, "at most 2000"),
        ({"client_id": "two words"}, "pattern"),
    ],
)
def test_it_refuses_settings_that_cannot_be(place: Place, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as told:
        place.calendar(**changed)
    assert SECRET not in str(told.value)


def test_a_client_stands_there_once(place: Place) -> None:
    client = place.calendar(only="google").clients[0]
    with pytest.raises(ValidationError, match="stands here once"):
        Calendar(clients=(client, client))
