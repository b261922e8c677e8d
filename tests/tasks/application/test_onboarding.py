"""Users on their way in: who stands where and why, exactly those who were shown reset, and only dead tokens cleared."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.application.onboarding.actions import ResetStep
from tasks.application.onboarding.checks import (
    check_onboarding_errors,
    check_onboarding_failed,
    check_onboarding_permissions,
    check_onboarding_stuck,
    error_class,
)
from tasks.application.onboarding.connections import ClearTokens, check_calendar_connections
from tasks.application.onboarding.draft import authorise_draft, shown
from tasks.application.onboarding.faults import FailCalendarStep, FailDomainStep, FailInboxStep, RevokeGrants
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Refused, Verdict
from tasks.oauth import reasons
from tests.tasks.application.conftest import Shop

ALL = "SELECT * FROM onboardings ORDER BY 1"
TOKENS = "SELECT id, status, refresh_token, access_token FROM calendar_connections ORDER BY 1"
# Canaries: they must be found nowhere.
TOKEN, ACCESS = "1//0gCanaryRefreshToken-4f1d", "ya29.canary-access-token-77"
REVOKED = "invalid_grant: Token has been expired or revoked."


def users(shop: Shop, first: int, last: int, step: str, status: str, ago: str = "1 minute", **columns: str) -> None:
    given = {
        "user_id": "n",
        "email": "'jane' || n || '@example.com'",
        "step": f"'{step}'",
        "status": f"'{status}'",
        "updated_at": f"now() - interval '{ago}'",
        **columns,
    }
    shop.run(
        f"INSERT INTO onboardings ({', '.join(given)}) SELECT {', '.join(given.values())} "  # noqa: S608
        f"FROM generate_series({first}, {last}) n"
    )


def connect(
    shop: Shop, number: int, error: str, provider: str = "google", status: str = "error", ago: str = "5 hours"
) -> None:
    shop.run(
        "INSERT INTO calendar_connections VALUES "  # noqa: S608
        f"({number}, {number}, '{provider}', '{status}', '{error}', '{TOKEN}-{number}', '{ACCESS}-{number}', "
        f"now() - interval '{ago}')"
    )


@pytest.mark.parametrize(
    ("ago", "verdict"),
    [
        ("59 minutes", Verdict.OK),
        ("61 minutes", Verdict.WARN),
        ("239 minutes", Verdict.WARN),
        ("241 minutes", Verdict.BAD),
    ],
)
def test_it_judges_by_who_waits_longest(shop: Shop, ago: str, verdict: Verdict) -> None:
    users(shop, 1, 1, "calendar", "failed", ago, error=f"'{REVOKED}'")
    users(shop, 2, 3, "domain", "failed", "2 minutes")
    users(shop, 4, 9, "domain", "going", "9 days")
    users(shop, 10, 10, "domain", "failed", "15 days")
    found = check_onboarding_failed.fn(shop.door())
    assert found.verdict is verdict
    if verdict is Verdict.BAD:
        assert found.says == (
            "3 users stand at a step that failed, the longest for 4 h (bad from 240 min): domain (2), calendar (1)."
        )
        assert "Subject:" in found.remedy
        assert "press “Connect”" in found.remedy


def test_it_shows_users_as_the_house_shows_addresses_and_no_token(shop: Shop) -> None:
    said = f"refresh of {TOKEN} for jane1@example.com failed"
    users(shop, 1, 1, "calendar", "failed", "5 hours", error=f"'{said}'")
    connect(shop, 1, f"{REVOKED} token {TOKEN}")
    door = shop.door()
    told: list[object] = [
        check_onboarding_failed.fn(door), check_onboarding_errors.fn(door), check_calendar_connections.fn(door),
        ResetStep().plan(door), ClearTokens().plan(door), check_onboarding_permissions.fn(door),
    ]  # fmt: skip
    plan = ClearTokens().plan(door)
    told.append(ClearTokens().apply(door, plan))
    for canary in (TOKEN, ACCESS, "jane1@"):
        assert canary not in repr(told)
    assert "j…@example.com" in repr(told)


@pytest.mark.parametrize(
    ("standing", "verdict"), [(4, Verdict.OK), (5, Verdict.WARN), (7, Verdict.WARN), (8, Verdict.BAD)]
)
def test_it_sees_a_step_that_is_broken_and_does_not_say_so(shop: Shop, standing: int, verdict: Verdict) -> None:
    users(shop, 1, standing, "domain", "going", "25 hours")
    users(shop, 40, 44, "account", "going", "1 hour")
    users(shop, 21, 30 - standing, "inbox", "done")
    found = check_onboarding_stuck.fn(shop.door())
    assert (found.verdict, found.value) == (verdict, standing / 10)
    if verdict is Verdict.BAD:
        assert found.says == (
            "Of 10 users who came to the step 'domain' within 14 days, 8 have stood there for a day, without an error "
            "(80%; bad from 80%)."
        )


def test_of_a_handful_nothing_is_judged(shop: Shop) -> None:
    users(shop, 1, 4, "domain", "going", "3 days")
    assert check_onboarding_stuck.fn(shop.door()).says == (
        "Fewer than 5 users came to any step within 14 days (too few to judge)."
    )


@pytest.mark.parametrize(
    ("amount", "verdict"), [(1, Verdict.OK), (2, Verdict.WARN), (4, Verdict.WARN), (5, Verdict.BAD)]
)
def test_it_counts_users_by_the_kind_of_their_error(shop: Shop, amount: int, verdict: Verdict) -> None:
    """Each has words of its own; the kind is one."""
    users(shop, 1, amount, "domain", "failed", error="'SPF record not found for shop' || n || '.example'")
    users(shop, 20, 20, "calendar", "failed", error="'AADSTS50173: The grant is revoked.'")
    users(shop, 30, 39, "domain", "failed", "2 days", error="'SPF record not found'")
    found = check_onboarding_errors.fn(shop.door())
    assert found.verdict is verdict
    kinds = {(row["step"], row["kind"]): row["users"] for row in found.rows}
    assert kinds == {("domain", "domain records"): amount, ("calendar", "password changed"): 1}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("invalid_grant: Token has been expired or revoked.", "revoked or expired"),
        ("AADSTS50076: MFA", "second factor"),
        ("535 5.7.8 authentication failed", "mailbox login"),
        ("HTTP 403 Forbidden", "permission"),
        ("connect ECONNREFUSED 192.0.2.1:443", "a service in trouble"),
        ("DMARC missing", "domain records"),
        ("what?", "other"),
        (None, "none told"),
    ],
)
def test_it_reads_what_went_wrong(error: str | None, kind: str) -> None:
    assert error_class(error) == kind


def test_it_says_what_a_user_lacks(shop: Shop) -> None:
    users(shop, 1, 2, "calendar", "going", permissions="'{mail.send}'")
    users(shop, 3, 3, "calendar", "going", account="'suspended'")
    users(shop, 4, 9, "calendar", "going")
    users(shop, 10, 10, "inbox", "done", account="'suspended'")
    found = check_onboarding_permissions.fn(shop.door())
    assert (found.verdict, found.says) == (
        Verdict.WARN,
        "3 users on the way in may not do what it takes (bad from 5): 1 have no active account, 2 lack calendar.read.",
    )


def test_it_resets_exactly_who_was_shown_and_puts_back_what_was(shop: Shop) -> None:
    users(shop, 1, 1, "calendar", "failed", "5 hours", error=f"'{REVOKED}'")
    users(shop, 2, 2, "account", "failed", "5 hours")
    users(shop, 3, 3, "elsewhere", "failed", "5 hours")
    users(shop, 4, 4, "domain", "failed", "5 minutes")
    before = shop.run(ALL)
    plan = ResetStep().plan(shop.door())
    assert plan.does == (
        "Reset 2 users to the step before the one that failed. 1 user at a step that `steps` does not name: not "
        "touched."
    )
    assert any("press “Connect”" in str(row.get("draft")) for row in plan.evidence)
    # Who comes after the plan is not reset by it.
    users(shop, 5, 5, "inbox", "failed", "6 hours")
    outcome = ResetStep().apply(shop.door(), plan)
    assert outcome.complete
    moved = shop.run("SELECT user_id, step, status FROM onboardings ORDER BY 1")
    assert moved == [
        (1, "domain", "going"), (2, "account", "going"), (3, "elsewhere", "failed"), (4, "domain", "failed"),
        (5, "inbox", "failed"),
    ]  # fmt: skip
    back = ResetStep().undoing(plan, outcome)
    assert back is not None
    assert back.apply(shop.door(), back.plan(shop.door())).complete
    shop.run("DELETE FROM onboardings WHERE user_id = 5")
    assert shop.run(ALL) == before


def test_it_does_not_reset_who_has_gone_on(shop: Shop) -> None:
    users(shop, 1, 2, "calendar", "failed", "5 hours")
    plan = ResetStep().plan(shop.door())
    shop.run("UPDATE onboardings SET status = 'done' WHERE user_id = 2")
    outcome = ResetStep().apply(shop.door(), plan)
    assert (outcome.complete, shop.run("SELECT status FROM onboardings ORDER BY user_id")) == (
        False,
        [("going",), ("done",)],
    )
    assert ResetStep().apply(shop.door(), plan).complete is False


@pytest.mark.parametrize(
    ("ago", "verdict"), [("59 minutes", Verdict.OK), ("61 minutes", Verdict.WARN), ("5 hours", Verdict.BAD)]
)
def test_it_says_whose_it_is_to_mend(shop: Shop, ago: str, verdict: Verdict) -> None:
    connect(shop, 1, REVOKED, ago=ago)
    connect(shop, 2, "AADSTS53003: blocked", provider="microsoft", ago="1 minute")
    connect(shop, 3, REVOKED, status="connected")
    found = check_calendar_connections.fn(shop.door())
    assert found.verdict is verdict
    assert [(row["reason"], row["who"]) for row in found.rows] == [
        ("revoked or expired", "the user"),
        ("policy", "the user's administrator"),
    ]


@pytest.mark.parametrize(
    ("error", "cleared"),
    [
        (REVOKED, True),
        ("AADSTS700082: expired", True),
        ("AADSTS50173: password", True),
        ("invalid_grant: AADSTS65001: consent", False),
        ("invalid_grant: Bad Request", False),
        ("invalid_grant: AADSTS50158: what nobody here knows", False),
        ("invalid_client: Unauthorized", False),
        ("AADSTS7000222: the secret has expired", False),
        ("AADSTS50076: second factor", False),
        ("AADSTS53003: conditional access", False),
        ("temporarily_unavailable", False),
        ("what?", False),
    ],
)
def test_it_clears_no_token_that_is_good(shop: Shop, error: str, *, cleared: bool) -> None:
    """While our client is refused, all tokens are good; cleared, every user would have to come again."""
    connect(shop, 1, error)
    plan = ClearTokens().plan(shop.door())
    assert bool(plan.commands) is cleared
    if not cleared:
        assert "1 other broke for another reason, and their tokens stay." in plan.does


def test_it_clears_exactly_what_was_shown(shop: Shop) -> None:
    connect(shop, 1, REVOKED)
    connect(shop, 2, REVOKED)
    connect(shop, 3, "AADSTS50173: x", provider="microsoft")
    plan = ClearTokens().plan(shop.door())
    assert plan.does == (
        "Clear the tokens of 3 calendar connections (2 at Google, 1 at Microsoft), and mark them as to be authorised "
        "again."
    )
    drafts = [str(row["draft"]) for row in plan.evidence if "draft" in row]
    assert [draft.splitlines()[0] for draft in drafts] == [
        "Subject: Please connect your Google calendar again",
        "Subject: Please connect your Microsoft calendar again",
    ]
    assert "Your password there was changed" in drafts[1]
    # One has authorised again meanwhile, and one has come.
    shop.run("UPDATE calendar_connections SET refresh_token = 'new', status = 'error' WHERE id = 2")
    connect(shop, 4, REVOKED)
    assert ClearTokens().applied(shop.door(), plan) is False
    outcome = ClearTokens().apply(shop.door(), plan)
    assert (outcome.complete, [row["key"] for row in outcome.not_done]) == (False, ["2"])
    assert shop.run(TOKENS) == [
        (1, "expired", None, None),
        (2, "error", "new", f"{ACCESS}-2"),
        (3, "expired", None, None),
        (4, "error", f"{TOKEN}-4", f"{ACCESS}-4"),
    ]
    assert ClearTokens().applied(shop.door(), plan) is True
    assert ClearTokens().apply(shop.door(), plan).says.startswith("The tokens of no connection of 3 cleared.")


def test_it_keeps_a_token_that_is_refused_for_another_reason_by_now(shop: Shop) -> None:
    """The token is the same, and so is its status: what is known of it is not."""
    connect(shop, 1, REVOKED)
    connect(shop, 2, REVOKED)
    plan = ClearTokens().plan(shop.door())
    shop.run("UPDATE calendar_connections SET error = 'invalid_client: Unauthorized' WHERE id = 1")
    outcome = ClearTokens().apply(shop.door(), plan)
    assert [row["key"] for row in outcome.not_done] == ["1"]
    assert shop.run(TOKENS) == [(1, "error", f"{TOKEN}-1", f"{ACCESS}-1"), (2, "expired", None, None)]


def test_it_clears_nothing_where_a_trigger_would_do_more(own_shop: Shop) -> None:
    connect(own_shop, 1, REVOKED)
    plan = ClearTokens().plan(own_shop.door())
    own_shop.run(
        "CREATE FUNCTION along() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN UPDATE campaigns SET status = 'gone'; RETURN NEW; END $$;"
        "CREATE TRIGGER along AFTER UPDATE ON calendar_connections FOR EACH ROW EXECUTE FUNCTION along()"
    )
    with pytest.raises(Refused, match="Nothing was"):
        ClearTokens().apply(own_shop.door(), plan)
    assert own_shop.run(TOKENS) == [(1, "error", f"{TOKEN}-1", f"{ACCESS}-1")]
    # Roles are the server's: another test may have made the one a member of the other.
    own_shop.run("REVOKE UPDATE ON calendar_connections FROM actor, app")
    with pytest.raises(Refused, match="may not write") as told:
        ClearTokens().plan(own_shop.door())
    assert told.value.remedy == "GRANT SELECT, UPDATE ON public.calendar_connections TO actor;"


@pytest.mark.parametrize("reason", [one for one in vars(reasons).values() if isinstance(one, reasons.Reason)])
@pytest.mark.parametrize("provider", ["google", "microsoft", "Outlook", "caldav", ""])
def test_a_draft_names_the_provider_and_what_to_do(reason: reasons.Reason, provider: str) -> None:
    draft = authorise_draft(provider, reason)
    assert draft.startswith("Subject: Please connect your ")
    assert "1. Open" in draft


def test_words_of_an_application_are_shown_without_addresses_and_tokens() -> None:
    assert shown("jane@example.com: ya29.a0AfH6SMBx-yz_12345 is bad") == "j…@example.com: ••• is bad"
    assert shown("x" * 10 + " 0123456789abcdef0123456789abcdef0123") == "x" * 10 + " •••"
    assert shown("AADSTS50173: the provided grant has expired") == "AADSTS50173: the provided grant has expired"


@pytest.mark.parametrize(
    ("fault", "noticed_by", "action"),
    [
        (FailDomainStep(), check_onboarding_failed, ResetStep()),
        (FailCalendarStep(), check_onboarding_failed, ResetStep()),
        (FailInboxStep(), check_onboarding_failed, ResetStep()),
        (RevokeGrants(), check_calendar_connections, ClearTokens()),
    ],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("resolved", [True, False])
def test_a_drill_is_noticed_resolved_and_leaves_nothing(
    shop: Shop, fault: Any, noticed_by: Any, action: Any, *, resolved: bool
) -> None:
    users(shop, 1, 5, "inbox", "done", "1 day")
    for number in (1, 2, 3):
        connect(shop, number, "", status="connected", ago="1 hour")
    before = [shop.run(ALL), shop.run("SELECT * FROM calendar_connections ORDER BY 1")]
    there = Environment(name="lab", kind=Kind.LAB, systems={"application": shop.door()})
    with fault.during(there):
        assert noticed_by.ask(there).verdict is Verdict.BAD
        if resolved:
            assert action.apply(shop.door(), action.plan(shop.door())).complete
            assert noticed_by.ask(there).verdict is Verdict.OK
    assert [shop.run(ALL), shop.run("SELECT * FROM calendar_connections ORDER BY 1")] == before


@pytest.mark.parametrize(
    "without", ["onboarding.steps", "onboarding.statuses", "connections.statuses", "connections.id"]
)
def test_it_says_which_line_is_missing(shop: Shop, without: str) -> None:
    action = ResetStep() if without.startswith("onboarding") else ClearTokens()
    with pytest.raises(CannotLook) as told:
        action.plan(shop.door(without))
    assert told.value.remedy.startswith("Write in environments.toml")
