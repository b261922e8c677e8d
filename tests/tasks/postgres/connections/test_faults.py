"""The faults keep out whom they say, and let everybody in again whatever happened in between."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.model import Refused, Threshold, Verdict
from tasks.postgres.connections import faults
from tasks.postgres.connections.actions import EndIdleSessions
from tasks.postgres.connections.checks import check_can_connect, check_connection_slots
from tasks.postgres.connections.faults import LEAKING, ChangePassword, StopServer, TakeAllSlots
from tasks.postgres.connections.roles import SetPasswordAgain
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import PASSWORD, Stage, until

AT_ONCE = Threshold(warn=0, bad=1, because="Ten minutes of real idling are too long for a test.")


def door(stage: Stage) -> PostgresServer:
    return stage.door().model_copy(update={"application_url": stage.url("app"), "reserve_url": stage.url("boss")})


def place(stage: Stage, kind: Kind = Kind.LAB) -> Environment:
    return Environment(name=str(kind), kind=kind, systems={"postgres": door(stage)})


def enters(stage: Stage, password: str = PASSWORD) -> bool:
    try:
        psycopg.connect(stage.admin_url, user="app", password=password).close()
    except psycopg.OperationalError:
        return False
    return True


def left(stage: Stage) -> list[tuple[object, ...]]:
    return stage.admin(f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{LEAKING}'")  # noqa: S608


def test_it_takes_all_slots_and_gives_them_back(cramped: Stage) -> None:
    with TakeAllSlots().during(place(cramped)):
        assert not enters(cramped)
        assert check_connection_slots.fn(door(cramped)).verdict is Verdict.BAD
        assert check_can_connect.fn(door(cramped)).facts["reasons"] == ["too many clients"]
    until(lambda: not left(cramped), "the drill's sessions are gone")
    assert enters(cramped)


def test_it_mends_what_the_step_has_half_mended(cramped: Stage) -> None:
    with TakeAllSlots().during(place(cramped)):
        plan = EndIdleSessions().plan(door(cramped), idle=AT_ONCE)
        assert EndIdleSessions().apply(door(cramped), plan).complete
        assert enters(cramped)
    until(lambda: not left(cramped), "the drill's sessions are gone")


def test_it_fills_no_server_without_end(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "MOST_SESSIONS", 5)
    with pytest.raises(Refused, match="still has free slots after 5 sessions"), TakeAllSlots().during(place(stage18)):
        pytest.fail("It took all slots.")
    until(lambda: not left(stage18), "the drill's sessions are gone")


@pytest.fixture
def changeable(stage: Stage) -> Iterator[Stage]:
    stage.admin("ALTER ROLE actor CREATEROLE; GRANT app TO actor WITH ADMIN OPTION")
    yield stage
    stage.admin(f"REVOKE app FROM actor; ALTER ROLE actor NOCREATEROLE; ALTER ROLE app PASSWORD '{PASSWORD}'")


def test_it_changes_the_password_and_changes_it_back(stage: Stage) -> None:
    with ChangePassword().during(place(stage)):
        assert not enters(stage)
        assert check_can_connect.fn(door(stage)).facts["reasons"] == ["password"]
    assert enters(stage)


def test_it_leaves_the_password_that_the_step_has_set(changeable: Stage) -> None:
    with ChangePassword().during(place(changeable)):
        plan = SetPasswordAgain().plan(door(changeable))
        SetPasswordAgain().apply(door(changeable), plan)
        assert enters(changeable)
    assert enters(changeable)


def test_it_changes_no_password_but_the_drills_own(stage18: Stage) -> None:
    other = door(stage18).model_copy(update={"application_url": stage18.url("reader")})
    with pytest.raises(Refused, match="two roles"):
        ChangePassword().cause(other)
    with pytest.raises(Refused, match="needs application_url and drill_url"):
        ChangePassword().cause(PostgresServer(url=stage18.url("app")))


@pytest.mark.parametrize("fault", [TakeAllSlots(), ChangePassword(), StopServer()])
def test_it_refuses_production(stage18: Stage, fault: TakeAllSlots) -> None:
    with pytest.raises(RefusesProduction), fault.during(place(stage18, Kind.PRODUCTION)):
        pytest.fail("It broke production.")
    assert enters(stage18)
