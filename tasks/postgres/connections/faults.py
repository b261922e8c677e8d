"""Ways to keep everybody out of a Postgres: no slot, a wrong password, a stopped server."""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import ExitStack

from pydantic import SecretStr

from tasks.fault import Fault
from tasks.model import CannotLook, Refused
from tasks.postgres.connections.queries import SET_PASSWORD
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.trouble import Trouble
from tasks.postgres.url import password_of, place_of
from tasks.service.system import DatabaseService

LEAKING = "report-builder"
# More than any drill's server should have: a lab with thousands of slots would fill this machine instead.
MOST_SESSIONS = 500
STARTS_WITHIN_S = 30.0
POLL_S = 0.2

_log = logging.getLogger(__name__)


class TakeAllSlots(Fault):
    """Take every connection slot with sessions that do nothing."""

    def cause(self, postgres: PostgresServer) -> Trouble:
        with ExitStack() as mending:
            for _ in range(MOST_SESSIONS):
                try:
                    mending.enter_context(postgres.drill_session(LEAKING))
                except NotConnected as error:
                    if error.reason is not Reason.TOO_MANY_CLIENTS:
                        raise
                    return Trouble(mending.pop_all())
        raise Refused(
            f"{postgres.address} still has free slots after {MOST_SESSIONS} sessions of a drill.",
            remedy="Rehearse on a server with fewer: max_connections = 100.",
        )

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


class ChangePassword(Fault):
    """Change the application's password on the server, and tell nobody."""

    def cause(self, postgres: PostgresServer) -> Trouble:
        if postgres.application_url is None or postgres.drill_url is None:
            raise Refused(
                f"{postgres.address} needs application_url and drill_url for this.",
                remedy='application_url = "${POSTGRES_APPLICATION_URL}"  # and drill_url with the same role',
            )
        if place_of(postgres.application_url).user != place_of(postgres.drill_url).user:
            raise Refused(
                "drill_url and application_url name two roles, and a role may change only its own password.",
                remedy="Give both the application's role.",
            )
        with ExitStack() as mending:
            # A session that is open stays open: this one can change the password back whatever happens.
            owner = mending.enter_context(postgres.drill_session("password-drill"))
            mending.callback(_restore, owner, postgres.drill_url)
            _set(owner, place_of(postgres.drill_url).user, SecretStr(secrets.token_urlsafe(24)))
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


class StopServer(Fault):
    """Stop the database server."""

    def cause(self, postgres: PostgresServer, database_service: DatabaseService) -> Trouble:
        with ExitStack() as mending:
            mending.callback(_start, postgres, database_service)
            database_service.halt()
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


def _set(session: Session, role: str, password: SecretStr) -> None:
    made = session.run(SET_PASSWORD, role=role, verifier=session.verifier(password))
    session.run(str(made[0]["line"]).replace("%", "%%"))


def _restore(owner: Session, url: SecretStr) -> None:
    _set(owner, place_of(url).user, password_of(url))


def _start(postgres: PostgresServer, service: DatabaseService) -> None:
    """Start it unless the step under rehearsal has; come back when it answers."""
    if not service.running():
        service.start_again()
    until = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            postgres.knock(postgres.url)
        except CannotLook as error:
            if time.monotonic() > until:
                raise
            _log.info("Not up yet: %s", error.says)
            time.sleep(POLL_S)
        else:
            return
