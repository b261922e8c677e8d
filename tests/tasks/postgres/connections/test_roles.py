"""Raise a role's limit, and give a role its configured password again: never shown, never in a log."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from flows.case.bodies import plan_body, plan_from
from flows.journal import Redactor
from tasks.model import Plan, Refused, Risk
from tasks.postgres.connections.roles import RaiseRoleLimit, SetPasswordAgain, SetRoleLimit
from tasks.postgres.system import PostgresServer
from tests.conftest import Server
from tests.tasks.postgres.conftest import PASSWORD, Stage

NAME = 'r\u00f6le "q"; DROP ROLE app; -- 100%s'
QUOTED = '"' + NAME.replace('"', '""') + '"'


def limit_of(stage: Stage, role: str) -> object:
    with psycopg.connect(stage.admin_url) as session:
        row = session.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        return row[0] if row else None


@pytest.fixture
def limited(stage: Stage) -> Iterator[Stage]:
    """A role with a hostile name whose three connections are taken, and an actor that may change it."""
    stage.admin(f"CREATE ROLE {QUOTED} LOGIN CONNECTION LIMIT 3 PASSWORD '{PASSWORD}'")
    stage.admin("ALTER ROLE actor CREATEROLE")
    stage.admin(f"GRANT {QUOTED} TO actor WITH ADMIN OPTION")
    for _ in range(3):
        opened = psycopg.connect(stage.admin_url, user=NAME, password=PASSWORD)
        stage.stack.callback(opened.close)
    yield stage
    stage.stack.close()
    stage.admin(f"DROP ROLE {QUOTED}; ALTER ROLE actor NOCREATEROLE")


def test_it_raises_the_limit_by_half_and_back(limited: Stage) -> None:
    door = limited.door()
    action = RaiseRoleLimit()

    plan = action.plan(door)
    assert plan.does == f"Raise the connection limit of {NAME} from 3 to 5."
    assert plan.commands[0].line == f"ALTER ROLE {QUOTED} CONNECTION LIMIT 5;"
    assert action.applied(door, plan) is False
    outcome = action.apply(door, plan)
    assert outcome.says == f"Set the connection limit of {NAME}: 3 → 5."
    assert action.applied(door, plan) is True
    assert limit_of(limited, NAME) == 5

    # The engine makes the undo from the plan as the journal kept it.
    undo = action.undo(plan_from(dict(plan_body(plan))), outcome)
    back = undo.plan(door)
    undo.apply(door, back)
    assert limit_of(limited, NAME) == 3
    assert undo.plan(door).commands == ()
    assert limit_of(limited, "app") == -1


def test_it_raises_nothing_while_there_is_room(stage: Stage) -> None:
    stage.admin("ALTER ROLE app CONNECTION LIMIT 5")
    try:
        assert RaiseRoleLimit().plan(stage.door()).does == "Nothing to raise: no role has used up its connection limit."
    finally:
        stage.admin("ALTER ROLE app CONNECTION LIMIT -1")


def test_it_never_raises_beyond_the_slots_there_are(stage18: Stage) -> None:
    stage18.admin("ALTER ROLE actor CREATEROLE; GRANT app TO actor WITH ADMIN OPTION")
    try:
        # 60 slots, 3 of them for superusers: twice 30 would be more than there are.
        for limit, said in ((40, "from 40 to 57"), (57, None)):
            stage18.admin(f"ALTER ROLE app CONNECTION LIMIT {limit}")
            full = stage18.door()
            row = {"name": "app", "limit": limit, "sessions": limit, "idle": 0}
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("tasks.postgres.connections.roles.ROLE_LIMITS", _as_sql(row))
                if said:
                    assert said in RaiseRoleLimit().plan(full).does
                else:
                    with pytest.raises(Refused, match="as many as there are slots open to all roles"):
                        RaiseRoleLimit().plan(full)
    finally:
        stage18.admin("ALTER ROLE app CONNECTION LIMIT -1; REVOKE app FROM actor; ALTER ROLE actor NOCREATEROLE")


def _as_sql(row: dict[str, object]) -> str:
    return "SELECT " + ", ".join(f"""{value!r} AS "{name}\"""" for name, value in row.items())


def test_it_says_which_grants_it_needs(stage: Stage) -> None:
    with pytest.raises(Refused) as caught:
        SetRoleLimit("app", 5).plan(stage.door())
    assert caught.value.says == f"actor may not change the role app on {stage.door().address}."
    assert caught.value.remedy == "ALTER ROLE actor CREATEROLE;\nGRANT app TO actor WITH ADMIN OPTION;"


def test_it_knows_that_createrole_alone_does_not_do_since_16(stage: Stage) -> None:
    stage.admin("ALTER ROLE actor CREATEROLE")
    major = int(str(stage.admin("SELECT current_setting('server_version_num')::int / 10000")[0][0]))
    try:
        if major < 16:
            assert SetRoleLimit("app", 5).plan(stage.door()).commands
        else:
            with pytest.raises(Refused, match="actor may not change the role app"):
                SetRoleLimit("app", 5).plan(stage.door())
    finally:
        stage.admin("ALTER ROLE actor NOCREATEROLE")


def test_it_may_not_change_a_superuser(stage: Stage) -> None:
    stage.admin("ALTER ROLE actor CREATEROLE")
    try:
        with pytest.raises(Refused, match="actor may not change the role boss") as caught:
            SetRoleLimit("boss", 5).plan(stage.door())
        assert caught.value.remedy.startswith("Only a superuser")
    finally:
        stage.admin("ALTER ROLE actor NOCREATEROLE")


CONFIGURED = "correct%40mule:staple%25-\u00fc"


@pytest.fixture
def rotated(cramped: Stage) -> Iterator[Stage]:
    """The application's password on the server is not the configured one; an actor may change it."""
    cramped.admin("ALTER ROLE actor CREATEROLE; GRANT app TO actor WITH ADMIN OPTION")
    cramped.admin("ALTER ROLE app PASSWORD 'somebody-elses'")
    yield cramped
    cramped.admin(f"ALTER ROLE app PASSWORD '{PASSWORD}'; REVOKE app FROM actor; ALTER ROLE actor NOCREATEROLE")


def door_of(stage: Stage) -> PostgresServer:
    # %40 and %25: the password holds an @ and a %.
    return stage.door().model_copy(update={"application_url": stage.url("app", CONFIGURED)})


def test_it_gives_the_role_its_configured_password(rotated: Stage) -> None:
    door = door_of(rotated)
    action = SetPasswordAgain()

    plan = action.plan(door)
    assert plan.does == "Set the password of app to the one our configuration holds."
    assert plan.risk is Risk.HIGH
    assert str(plan.blast_radius).startswith("1 of ")
    assert action.applied(door, plan) is False
    assert action.apply(door, plan).says == "Set the password of app."
    assert action.applied(door, plan) is True
    assert action.plan(door).does == "Nothing to set: no password of ours is refused."
    with psycopg.connect(rotated.admin_url, user="app", password="correct@mule:staple%-\u00fc"):
        pass


def test_it_sets_no_password_again_that_has_expired(rotated: Stage) -> None:
    """Set anew, it would be refused as before: what it needs is another VALID UNTIL."""
    door = door_of(rotated)
    rotated.admin("ALTER ROLE app VALID UNTIL '2020-01-01 00:00:00+00'")
    try:
        with pytest.raises(Refused) as refused:
            SetPasswordAgain().plan(door)
        assert refused.value.says == (
            "Set again, it would be refused as before. The password of app was valid until 2020-01-01 00:00:00+00."
        )
        assert refused.value.remedy == "ALTER ROLE app VALID UNTIL 'infinity';"
        rotated.admin(refused.value.remedy)
        assert SetPasswordAgain().apply(door, SetPasswordAgain().plan(door)).complete
        assert SetPasswordAgain().plan(door).commands == ()
    finally:
        rotated.admin("ALTER ROLE app VALID UNTIL 'infinity'")


def test_it_never_shows_the_password(rotated: Stage, cramped_server: Server) -> None:
    door = door_of(rotated)
    plan = SetPasswordAgain().plan(door)
    outcome = SetPasswordAgain().apply(door, plan)

    folder = cramped_server.cluster.folder
    log = folder.with_name(f"{folder.name}.log").read_text(encoding="utf-8", errors="replace")
    assert "ALTER ROLE app PASSWORD 'SCRAM-SHA-256$" in log
    for place in (log, str(plan), str(outcome), repr(door)):
        assert "correct@mule" not in place
        assert "staple" not in place
    assert "SCRAM-SHA-256" not in str(plan)
    assert "SCRAM-SHA-256" not in str(outcome)


def test_it_stays_the_same_plan_when_it_is_redacted(rotated: Stage) -> None:
    """What the gate compares is the redacted form, and `apply` is handed the fresh one."""
    door = door_of(rotated)
    redact = Redactor([door.application_url or ""])

    def seen(plan: Plan) -> Plan:
        return plan_from(redact.body(plan_body(plan)))  # type: ignore[arg-type]

    assert not seen(SetPasswordAgain().plan(door)).exceeds(seen(SetPasswordAgain().plan(door)))
    assert seen(SetPasswordAgain().plan(door)).commands[0].target == {"role": "app"}


def test_it_sets_no_password_where_another_thing_keeps_us_out(stage: Stage) -> None:
    name = stage.admin("SELECT current_database()")[0][0]
    stage.admin(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO actor")

    assert SetPasswordAgain().plan(stage.door()).commands == ()


def test_it_refuses_where_the_acting_role_is_the_one_refused(stage: Stage) -> None:
    with pytest.raises(Refused, match="refuses the password of actor itself") as caught:
        SetPasswordAgain().plan(PostgresServer(url=stage.url("actor", "wrong")))
    assert "\\password actor" in caught.value.remedy


def test_it_refuses_a_role_that_is_not_there(stage: Stage) -> None:
    door = stage.door().model_copy(update={"application_url": stage.url("ghost")})
    with pytest.raises(Refused, match="there is no role ghost"):
        SetPasswordAgain().plan(door)


def test_it_cannot_tell_while_the_server_is_away(stage: Stage) -> None:
    door = door_of(stage)
    body = {"does": "", "commands": [{"line": "x", "target": {"role": "app"}}], "loses": "", "evidence": []}
    plan = plan_from({**body, "blast_radius": {"touched": 1, "total": 1, "noun": "roles"}, "risk": "HIGH"})
    gone = PostgresServer(url=door.url, application_url="postgresql://app:x@127.0.0.1:1/app")  # type: ignore[arg-type]

    assert SetPasswordAgain().applied(gone, plan) is None
