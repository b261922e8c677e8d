"""Which tables and columns say how far a user has come, and how the user's calendar is connected."""

from __future__ import annotations

from typing import ClassVar

from tasks.application.part import Column, Meanings, Part, Value, Values, column, values


class OnboardingStatuses(Meanings):
    """What the status of a user's onboarding means."""

    going: Values = values("the user is on the way; the first is written where a step is begun again")
    failed: Values = values("the step did not work")
    done: Values = values("the user is through")


class AccountStates(Meanings):
    """What the state of a user's account means."""

    active: Values = values("the user may work")


class Onboarding(Part):
    """How far a user has come in the onboarding, a row each; and the steps in their order."""

    filtered_by: ClassVar[tuple[str, ...]] = ("updated_at",)

    id: Column = column("its key: the user's id, if there is one row a user")
    email: Column = column("the user's address; shown without its name")
    step: Column = column("the step that the user stands at")
    status: Column = column("how it goes there")
    updated_at: Column = column("since when the user stands there")
    error: Column = column("what went wrong last")
    account: Column = column("whether the account may be used")
    permissions: Column = column("what the user may do: a text, an array or jsonb with the names in it")
    statuses: OnboardingStatuses = OnboardingStatuses()
    accounts: AccountStates = AccountStates()
    # The steps in their order, as they stand in the rows; and the permissions that each user needs.
    steps: tuple[Value, ...] = ()
    needs: tuple[Value, ...] = ()


class ConnectionStatuses(Meanings):
    """What the status of a calendar connection means."""

    broken: Values = values("it does not work")
    cleared: Values = values("the user has to authorise again; the first is written where tokens are cleared")


class Connections(Part):
    """A user's connection to a calendar, a row each. Tokens are cleared after approval, and never read."""

    filtered_by: ClassVar[tuple[str, ...]] = ("updated_at",)

    id: Column = column("its key")
    user: Column = column("the user's id, as under onboarding")
    provider: Column = column("whose calendar it is: google, microsoft")
    status: Column = column("whether it works")
    updated_at: Column = column("since when")
    error: Column = column("what the provider said to the last refresh")
    refresh_token: Column = column("the refresh token; only a mark of it is ever read")
    access_token: Column = column("the access token, cleared with it")
    statuses: ConnectionStatuses = ConnectionStatuses()
