"""Which tables and columns say who is logged in, and with which keys programs come."""

from __future__ import annotations

from typing import ClassVar

from tasks.application.part import Column, Part, Values, column


class Sessions(Part):
    """A login that goes on, a row each. It ends where `revoked_at` is written, which the application looks at."""

    filtered_by: ClassVar[tuple[str, ...]] = ("last_seen",)

    id: Column = column("its key: never the token that a browser shows, for keys are shown to people here")
    user: Column = column("whose it is: the account's id")
    created_at: Column = column("when it began")
    last_seen: Column = column("when it was used last")
    address: Column = column("where it was used from last: inet, or a text")
    revoked_at: Column = column("since when it counts no more; none: it counts")


class ApiKeys(Part):
    """A key that programs come with, a row each. It ends where `revoked_at` is written; the key itself is not read."""

    id: Column = column("its key: never the API key itself, nor the part of it that proves anything")
    owner: Column = column("whose it is: the account's id, as under sessions")
    last_used: Column = column("when it was used last")
    revoked_at: Column = column("since when it counts no more; none: it counts")
    # Keys of your own services: they are never disabled here.
    ours: Values = ()
