"""The door to a pooler: PgBouncer's admin console, and the door its clients come by (Supabase's port 6543 too).

The console understands a handful of SHOW and control commands, sent as simple queries outside transactions: nothing is
prepared and no limit can be set there, so that the time limit is kept on our side.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import ClassVar, Self

import psycopg
from psycopg.rows import dict_row
from pydantic import ConfigDict, Field, SecretStr, model_validator

from tasks.model import CannotLook, Finding, Refused, Row, Verdict
from tasks.postgres.cutting import cut_when_silent
from tasks.postgres.refusals import Place, at_the_door
from tasks.postgres.session import APPLICATION, LEAST_CONNECT_TIMEOUT_S
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import Url, place_of
from tasks.postgres.values import as_json
from tasks.system import System

ASKS = ("SHOW POOLS", "SHOW STATS", "SHOW CONFIG", "SHOW DATABASES", "SHOW VERSION")
CONSOLE = "pgbouncer"

_log = logging.getLogger(__name__)


class Pooler(System):
    """A pooler before a Postgres. `show` asks its console, `act` gives it an order, `knock` comes as a client does."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "pgbouncer"
    config_lines: ClassVar[str] = (
        'url = "${PGBOUNCER_URL}"                 # postgresql://user:password@host:6432/pgbouncer; in stats_users\n'
        'action_url = "${PGBOUNCER_ACTION_URL}"   # resets; in admin_users\n'
        'client_url = "${POOLED_POSTGRES_URL}"    # as the application connects; Supabase: port 6543, and no url'
    )

    # Asks the console. Its user needs to stand in stats_users.
    url: Url | None = None
    # Resets, after approval. Its user needs to stand in admin_users. Default: url.
    action_url: Url | None = None
    # As clients come: to see whether the pooler lets them in and reaches its server.
    client_url: Url | None = None
    connect_timeout_s: float = Field(default=3, gt=0, le=60)
    answer_timeout_s: float = Field(default=5, gt=0, le=60)

    @model_validator(mode="after")
    def _one_door_at_least(self) -> Self:
        if self.url is None and self.client_url is None:
            raise ValueError("there is neither url (the admin console) nor client_url (the clients' door)")
        for name, console in (("url", self.url), ("action_url", self.action_url)):
            if console is not None and place_of(console).database != CONSOLE:
                raise ValueError(f"{name} must end in /{CONSOLE}, the name of the admin console")
        return self

    @property
    def address(self) -> str:
        """host:port/database, for people."""
        return str(place_of(self.url or self._client))

    @property
    def _client(self) -> SecretStr:
        if self.client_url is None:
            raise Refused(f"{self.address} has no client_url.", remedy='client_url = "${POOLED_POSTGRES_URL}"')
        return self.client_url

    def show(self, command: str) -> list[Row]:
        """Ask the console one of ASKS.

        Raises:
            CannotLook, Refused: no answer, or no console is configured.
        """
        if command not in ASKS:
            raise ValueError(f"{command!r} is none of our questions: {', '.join(ASKS)}.")
        return self._console(self.url, command)

    def show_as_actor(self, command: str) -> list[Row]:
        """Ask as the user that would act.

        Raises:
            CannotLook, Refused: no answer, or it may not look either.
        """
        return self._console(self.action_url or self.url, command)

    def act(self, command: str) -> None:
        """Give the console an order.

        Raises:
            CannotLook, Refused: it said no, or did not answer in time; then it may or may not have happened.
        """
        self._console(self.action_url or self.url, command)

    def knock(self) -> float:
        """Come as a client does and ask for 1: how long it took, in seconds.

        Raises:
            NotConnected: the pooler or its server did not let us in, for its `reason`; CannotLook: no answer came.
        """
        door = PostgresServer(
            url=self._client, connect_timeout_s=self.connect_timeout_s, statement_timeout_s=self.answer_timeout_s
        )
        return door.knock(self._client)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        if self.url is not None:
            try:
                version = self.show("SHOW VERSION")[0]
            except CannotLook as error:
                yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            else:
                said = next(iter(version.values()))
                yield Finding(verdict=Verdict.OK, says=f"{self.address} answers: {said}.")
        if self.client_url is not None:
            try:
                took = self.knock()
            except CannotLook as error:
                yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            else:
                says = f"{place_of(self.client_url)} lets clients in, within {took * 1000:.0f} ms."
                yield Finding(verdict=Verdict.OK, says=says)

    def _console(self, url: SecretStr | None, command: str) -> list[Row]:
        if url is None:
            raise Refused(
                "No admin console of the pooler is configured.",
                remedy='url = "${PGBOUNCER_URL}"  # postgresql://user:password@host:6432/pgbouncer',
            )
        place = place_of(url)
        with self._connected(url, place) as connection:
            try:
                with cut_when_silent(connection.fileno(), self.answer_timeout_s):
                    cursor = connection.execute(command.encode())
                    rows = cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                _log.info("%s: %s", place, error)
                raise _no_answer(place, error) from None
        return [{name: as_json(value) for name, value in row.items()} for row in rows]

    def _connected(self, url: SecretStr, place: Place) -> psycopg.Connection[dict[str, object]]:
        timeout_s = max(LEAST_CONNECT_TIMEOUT_S, round(self.connect_timeout_s))
        try:
            return psycopg.connect(
                url.get_secret_value(),
                application_name=APPLICATION,
                connect_timeout=timeout_s,
                autocommit=True,
                prepare_threshold=None,
                row_factory=dict_row,
            )
        except (psycopg.Error, UnicodeError) as error:
            _log.info("%s: %s", place, error)
            raise at_the_door(place, str(error), timeout_s) from None


def _no_answer(place: Place, error: psycopg.Error) -> CannotLook:
    said = error.diag.message_primary or ""
    if "admin access needed" in said or "not allowed" in said:
        return Refused(
            f"{place} does not allow {place.user} to do this.",
            remedy=f"Add {place.user} to admin_users in pgbouncer.ini, then RELOAD.",
        )
    # 08P01 is how the console says no to a command.
    if error.sqlstate in (None, "") or (error.sqlstate != "08P01" and error.sqlstate.startswith(("08", "57"))):
        return CannotLook(f"{place} gave no answer, or ended our connection.", remedy="Look at the pooler's log.")
    return Refused(f"{place} cannot do this: {said}.")
