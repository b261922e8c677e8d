"""Users cannot connect their calendar, or connections that worked have stopped."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.onboarding.connections import ClearTokens, check_calendar_connections
from tasks.application.onboarding.faults import RevokeGrants
from tasks.calendar.actions import UseRegisteredRedirect, UseSpareSecret
from tasks.calendar.checks import (
    check_calendar_api,
    check_calendar_client,
    check_calendar_discovery,
    check_calendar_redirect,
    check_calendar_secret_ends,
)
from tasks.calendar.faults import RefuseClient, SendOtherRedirect

runbook = Runbook(
    title="Calendars do not connect",
    problem=(
        "Users cannot connect their Google or Microsoft calendar, or connections stop: our client is refused, the "
        "redirect URI is not the registered one, or the user's grant is gone. Only the last is cured by authorising "
        "again; while our own client is refused, every stored token is good and must be kept."
    ),
    severity=Severity.P2,
    keywords=(
        "calendar",
        "oauth",
        "google calendar",
        "outlook",
        "microsoft",
        "invalid_grant",
        "invalid_client",
        "redirect_uri_mismatch",
        "refresh token",
        "client secret expired",
        "aadsts",
        "consent",
        "authorise again",
        "onboarding",
    ),
    symptoms=(
        Symptom(alert="CalendarConnectionFailed"),
        Symptom(alert="OAuthTokenRefreshFailed"),
        Symptom(heard="The calendar cannot be connected: Google shows “Error 400: redirect_uri_mismatch”."),
        Symptom(heard="The log says invalid_grant: “Token has been expired or revoked.”"),
        Symptom(heard="All calendars stopped at once with invalid_client, or AADSTS7000222."),
    ),
    diagnosis=(
        check_calendar_connections,
        check_calendar_discovery,
        check_calendar_client,
        check_calendar_redirect,
        check_calendar_api,
        check_calendar_secret_ends,
    ),
    resolution=(
        Step(UseSpareSecret(), when=check_calendar_client),
        Step(UseRegisteredRedirect(), when=check_calendar_redirect),
        # After the client: while it is refused, what users' tokens are told means nothing.
        Step(ClearTokens(), when=check_calendar_connections),
        Manual(
            "Ask the users to authorise again",
            when=check_calendar_connections,
            how="""\
The plan of the step before holds the mails, drafted by provider and reason; nothing is sent by itself. Send them to the
users who are shown there, from the address that they know.

- A second factor (AADSTS50076): the token is good. The user signs in once, in the application.
- A policy (AADSTS53003, admin_policy_enforced): the token is good. The user's administrator has to allow us: send them
  our client id and the scopes that we ask for.
- Consent (AADSTS65001): where it is many at once, look first whether we ask for a scope that is new. Else the user
  agrees once more; the token is kept until then.
- A token that is unknown (invalid_grant: Bad Request): where it is many at once, compare the `client_id` that the
  application uses with the one that they agreed to. With the right one, all tokens are good again.
- Many at once who were revoked: look whether our client is still in Google's status “Testing”, where tokens end after
  seven days.

No token is tried from here: Microsoft gives a new one with each use, and the application would lose its own.""",
        ),
        Manual(
            "Rotate the client secret",
            when=check_calendar_client,
            how="""\
Clear no user's token: once the client is taken again, all of them work.

1. Google: Cloud console, APIs & Services, Credentials, our client: add a secret. It takes two at a time, so nothing
   stops meanwhile. Microsoft: Entra admin centre, App registrations, our application, Certificates & secrets: a new
   one, and write its last day down here as `secret_expires`.
2. Give it to the application, restart it, and ask again: `incident run onboarding/calendar-connection`.
3. Delete the old secret only then. `deleted_client` and AADSTS700016 are no matter of the secret: the client itself was
   removed, or is another tenant's.""",
        ),
        Manual(
            "Register the redirect URI",
            when=check_calendar_redirect,
            how="""\
Where the application sends what it should, and the vendor has something else: add the URI there, letter by letter,
with its slash or without (Google: Credentials, Authorised redirect URIs; Microsoft: Authentication, Redirect URIs).
Take none away before the application is known to send it no more. Google takes some minutes to notice.""",
        ),
        Manual(
            "Wait for the vendor",
            when=check_calendar_discovery,
            how="""\
Look at https://www.google.com/appsstatus and https://status.cloud.microsoft. Tell users that connecting is to be tried
later; let the application keep its tokens, and refresh them again at a slower pace.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=15)),
    prevention=(
        Watch(check_calendar_connections, every=timedelta(minutes=30)),
        Watch(check_calendar_client, every=timedelta(minutes=30)),
        Watch(check_calendar_redirect, every=timedelta(hours=6)),
        Watch(check_calendar_discovery, every=timedelta(hours=1)),
        Watch(check_calendar_secret_ends, every=timedelta(days=1)),
    ),
    related=("onboarding/user-onboarding-failures", "onboarding/domain-verification"),
    drills=(
        Drill(fault=RevokeGrants(), noticed_by=check_calendar_connections, resolved_by=ClearTokens),
        Drill(fault=RefuseClient(), noticed_by=check_calendar_client, resolved_by=UseSpareSecret),
        Drill(fault=SendOtherRedirect(), noticed_by=check_calendar_redirect, resolved_by=UseRegisteredRedirect),
    ),
)
