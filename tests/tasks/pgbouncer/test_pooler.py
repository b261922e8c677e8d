"""The pooler's own numbers against clients the test makes wait, and the least harmful reset."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from deployments.ports import free_port
from tasks.model import Refused, Threshold, Verdict
from tasks.pgbouncer.actions import ResetPool
from tasks.pgbouncer.checks import check_pooler
from tasks.pgbouncer.system import Pooler
from tests.tasks.pgbouncer.conftest import Pooled
from tests.tasks.postgres.conftest import PASSWORD, until

ask = check_pooler.fn
AT_ONCE = Threshold(warn=0.001, bad=0.01, because="Seconds of real waiting are too long for a test.")


def waits(pooled: Pooled, client: psycopg.Connection) -> threading.Thread:
    """One more client whose question waits for a server connection."""

    def run() -> None:
        try:
            client.execute("SELECT 1")
        except psycopg.Error:
            return  # ended by the test, which looks at the console instead

    before = waiting(pooled)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    until(lambda: waiting(pooled) == before + 1, "a client waits")
    return thread


def waiting(pooled: Pooled) -> int:
    return int(str(ask(pooled.door().model_copy(update={"client_url": None})).facts["clients_waiting"]))


def test_it_says_that_nobody_waits(pooled: Pooled) -> None:
    pooled.client().execute("SELECT 1")

    found = ask(pooled.door())

    assert found.verdict is Verdict.OK
    assert found.value == 0
    assert found.says.startswith("No client waits for a server connection in 1 pool of 127.0.0.1:")
    assert [one.verdict for one in pooled.door().examine()] == [Verdict.OK, Verdict.OK]


def test_it_counts_those_who_wait_and_how_long(pooled: Pooled) -> None:
    console = pooled.door().model_copy(update={"client_url": None})
    for _ in range(2):
        pooled.client().execute("BEGIN")
    started = time.monotonic()
    threads = [waits(pooled, pooled.client()) for _ in range(3)]

    until(lambda: (ask(console).value or 0) > 1.0, "the first has waited for a second")
    found = ask(console)
    waited = time.monotonic() - started

    assert found.verdict is Verdict.WARN
    assert found.facts["clients_waiting"] == 3
    assert found.value is not None
    assert 1.0 < found.value <= waited + 1
    assert found.says.startswith("3 clients wait for a server connection at 127.0.0.1:")
    assert found.says.endswith("most at shop as app, 2 server connections in use.")
    assert [(row["clients_waiting"], row["servers_active"]) for row in found.rows] == [(3, 2)]
    assert ask(console, AT_ONCE).verdict is Verdict.BAD
    # A client who comes now does not get through in time.
    hasty = pooled.door().model_copy(update={"answer_timeout_s": 0.5})
    found = ask(hasty)
    assert found.verdict is Verdict.BAD
    # We do not count ourselves.
    assert found.says.startswith(
        "The pooler lets clients in, and gave us no server connection within 0.5 s. 3 clients wait"
    )
    pooled.stage.stack.close()
    for thread in threads:
        thread.join(10)


def test_it_resets_without_throwing_anybody_out(pooled: Pooled) -> None:
    first, second = pooled.client(), pooled.client()
    for client in (first, second):
        client.execute("BEGIN")
    old = {pid_of(first), pid_of(second)}
    third = waits(pooled, pooled.client())
    door, action = pooled.door(), ResetPool()
    until(lambda: action.plan(door, AT_ONCE).commands, "it has waited")

    plan = action.plan(door, AT_ONCE)
    assert [command.line for command in plan.commands] == ['RECONNECT "shop"']
    assert str(plan.blast_radius) == "1 of 1 pooled databases"
    assert action.apply(door, plan).complete
    assert action.applied(door, plan) is None

    # Both transactions go on, and new server connections serve whoever comes next.
    for client in (first, second):
        client.execute("COMMIT")
    third.join(10)
    assert not third.is_alive()
    assert pid_of(first) not in old


def pid_of(client: psycopg.Connection) -> int:
    row = client.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def test_it_resumes_what_somebody_left_paused(pooled: Pooled) -> None:
    door, action = pooled.door(), ResetPool()
    pooled.client().execute("SELECT 1")
    door.act("PAUSE shop")
    thread = waits(pooled, pooled.client())
    until(lambda: action.plan(door, AT_ONCE).commands, "it has waited")

    plan = action.plan(door, AT_ONCE)
    assert plan.does == "Resume the pools of shop."
    assert ask(door.model_copy(update={"client_url": None})).says.endswith("most at shop as app, paused.")
    assert action.applied(door, plan) is False
    action.apply(door, plan)
    assert action.applied(door, plan) is True
    thread.join(10)
    assert not thread.is_alive()
    assert action.plan(door).does == "Nothing to reset: no client waits."


def test_it_quotes_a_databases_name(pooled: Pooled) -> None:
    pooled.door().act('RECONNECT "shop"')
    with pytest.raises(Refused, match="no such database"):
        pooled.door().act('RECONNECT "nope; KILL shop"')


def test_it_tells_that_the_server_behind_is_away(pooled: Pooled) -> None:
    door = pooled.door().model_copy(update={"client_url": pooled.url("app", "down"), "connect_timeout_s": 2.0})

    found = ask(door)

    assert found.verdict is Verdict.BAD
    assert found.says.startswith("Clients do not get through the pooler.")
    assert found.facts["clients_waiting"] == 0 or found.facts["clients_waiting"] == 1


def test_it_tells_that_the_pooler_is_away(pooled: Pooled) -> None:
    door = pooled.door()
    pooled.process.terminate()
    pooled.process.wait(10)

    found = ask(door)

    assert found.verdict is Verdict.BAD
    assert "refuses connections: nothing listens there" in found.says
    assert ask(door.model_copy(update={"client_url": None})).verdict is Verdict.BAD
    assert [one.verdict for one in door.examine()] == [Verdict.BAD, Verdict.BAD]


def test_it_looks_at_the_clients_door_alone(pooled: Pooled) -> None:
    """As with Supabase's pooler, which has no console for its users."""
    found = ask(Pooler(client_url=pooled.url("app")))
    assert found.verdict is Verdict.OK
    assert found.says.endswith("its admin console is not configured.")


def test_it_takes_no_wrong_console_password_for_a_sick_pooler(pooled: Pooled) -> None:
    door = pooled.door().model_copy(update={"url": pooled.url("reader", "pgbouncer", "wrong")})
    with pytest.raises(Refused, match="refuses the password of reader") as caught:
        ask(door)
    assert PASSWORD not in str(caught.value)


def test_it_says_who_may_not_reset(pooled: Pooled) -> None:
    with pytest.raises(Refused, match="does not allow reader to do this") as caught:
        pooled.door().model_copy(update={"action_url": None}).act("RECONNECT shop")
    assert "admin_users" in caught.value.remedy


def test_it_asks_nothing_but_questions(pooled: Pooled) -> None:
    with pytest.raises(ValueError, match="none of our questions"):
        pooled.door().show("SHUTDOWN")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "there is neither url"),
        ({"url": "postgresql://u:hunter2hunter2@h/app"}, "must end in /pgbouncer"),
        ({"client_url": "mysql://u:hunter2hunter2@h/app"}, "must be a URL like"),
    ],
)
def test_it_refuses_settings_that_lead_nowhere(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        Pooler(**{name: SecretStr(url) for name, url in settings.items()})  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)


def test_it_gives_up_on_a_console_that_nobody_answers() -> None:
    found = ask(Pooler(url=SecretStr(f"postgresql://u:p@127.0.0.1:{free_port()}/pgbouncer")))
    assert found.verdict is Verdict.BAD
    assert "nothing listens there" in found.says
