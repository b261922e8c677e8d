"""Restarts: planned without a connection, only where they help, and only as approved."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.ports import free_port
from tasks.model import Plan, Refused, Risk, Threshold
from tasks.postgres.connections.actions import RestartApplication, RestartDatabase
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tasks.service.system import ApplicationService, DatabaseService
from tests.tasks.postgres.conftest import Stage
from tests.tasks.service.conftest import commands, folder, pid_of

__all__ = ["folder"]

FULL = Threshold(warn=0, bad=1, because="Any number of taken slots calls for it, in a test.")


def gone() -> PostgresServer:
    return PostgresServer(url=f"postgresql://u:p@127.0.0.1:{free_port()}/app")  # type: ignore[arg-type]


@pytest.fixture
def database_service(folder: Path) -> DatabaseService:
    return DatabaseService(**commands(folder))


@pytest.fixture
def application_service(folder: Path) -> ApplicationService:
    service = ApplicationService(**commands(folder))
    service.start_again()
    return service


def test_it_starts_a_stopped_server_without_a_connection(database_service: DatabaseService) -> None:
    away, action = gone(), RestartDatabase()

    plan = action.plan(away, database_service)

    assert plan.risk is Risk.HIGH
    assert plan.commands[0].line == database_service.restart_line
    assert plan.does == (
        f"Restart the database server. {away.address} refuses connections: nothing listens there. "
        "Its service says that it is stopped."
    )
    assert action.applied(away, database_service, plan) is False
    outcome = action.apply(away, database_service, plan)
    assert outcome.complete
    assert outcome.says.endswith("its service says that it is running.")
    assert action.applied(away, database_service, plan) is True


def test_it_cannot_tell_whether_a_running_server_was_restarted(database_service: DatabaseService) -> None:
    database_service.start_again()
    plan = RestartDatabase().plan(gone(), database_service)

    assert plan.commands[0].target["was"] == "running"
    assert RestartDatabase().applied(gone(), database_service, plan) is None


def test_it_asks_again_when_the_stopped_server_runs_by_now(database_service: DatabaseService) -> None:
    """To start what is stopped harms nobody; to restart what runs does."""
    approved = RestartDatabase().plan(gone(), database_service)
    database_service.start_again()

    assert RestartDatabase().plan(gone(), database_service).exceeds(approved)


@pytest.mark.parametrize("reason", Reason)
def test_it_restarts_only_where_that_helps(
    reason: Reason, database_service: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: object, _url: object) -> float:
        raise NotConnected(reason, "It says no.")

    monkeypatch.setattr(PostgresServer, "knock", refuse)
    helps = reason in {Reason.REFUSED, Reason.TIME_OUT, Reason.BROKEN_OFF, Reason.TOO_MANY_CLIENTS}

    assert bool(RestartDatabase().plan(gone(), database_service).commands) is helps


def test_it_leaves_a_server_that_answers_alone(stage18: Stage, database_service: DatabaseService) -> None:
    plan = RestartDatabase().plan(stage18.door(), database_service)
    assert plan.commands == ()
    assert plan.does == "Nothing to restart: the database lets us in."


def test_it_says_that_the_restart_failed(database_service: DatabaseService, folder: Path) -> None:
    plan = RestartDatabase().plan(gone(), database_service)
    (folder / "broken").touch()
    with pytest.raises(Refused, match="failed with exit code 1"):
        RestartDatabase().apply(gone(), database_service, plan)


def test_it_runs_no_other_command_than_was_approved(database_service: DatabaseService) -> None:
    plan = RestartDatabase().plan(gone(), database_service)
    other = database_service.model_copy(update={"restart": ("rm", "-rf", "/nonexistent")})
    empty = Plan(**{**vars(plan), "commands": ()})

    for changed, given in ((other, plan), (database_service, empty)):
        with pytest.raises(Refused, match=r"Approved was `[^\[]"):
            RestartDatabase().apply(gone(), changed, given)


def test_it_restarts_the_application_while_slots_are_short(
    stage18: Stage,
    application_service: ApplicationService,
    folder: Path,
) -> None:
    action, first = RestartApplication(), pid_of(folder)

    assert action.plan(stage18.door(), application_service).does.startswith("Nothing to restart: ")
    plan = action.plan(stage18.door(), application_service, FULL)
    assert plan.risk is Risk.MODERATE
    assert action.apply(stage18.door(), application_service, plan).complete
    assert pid_of(folder) != first


def test_it_restarts_the_application_when_it_keeps_us_out_too(application_service: ApplicationService) -> None:
    assert RestartApplication().plan(gone(), application_service).commands
