"""Through a pooler the server's sessions are the application's too: nothing of ours stays on them."""

from __future__ import annotations

import os
import signal
import threading

import psycopg
import pytest

from tasks.model import CannotLook, Refused
from tasks.postgres.indexes.drops import DropInvalidIndexes
from tasks.postgres.indexes.explain import Explained, explain
from tasks.postgres.system import PostgresServer
from tests.tasks.pgbouncer.conftest import Pooled
from tests.tasks.postgres.conftest import until
from tests.tasks.postgres.questions import QUESTIONS, ask, place

# What the session of a client's server process is set to, otherwise than by its configuration.
SET_NOW = """
SELECT name, setting FROM pg_settings WHERE source = 'session'
UNION ALL SELECT 'prepared', count(*)::text FROM pg_prepared_statements
UNION ALL SELECT 'incident.tenant', coalesce(current_setting('incident.tenant', true), '')
"""
POOL = 2


def door(pooled: Pooled, database: str = "shop") -> PostgresServer:
    """We share the application's pool, as with one role for both, or a forced one."""
    url = pooled.url("app", database)
    return PostgresServer(url=url, drill_url=url)


def seen(pooled: Pooled, database: str = "shop") -> list[list[tuple[object, ...]]]:
    """What the application finds on each server process of its pool."""
    url = pooled.url("app", database).get_secret_value()
    clients = [psycopg.connect(url, prepare_threshold=None) for _ in range(POOL)]
    try:
        # Each in a transaction, so that no two are given one process.
        return [sorted(client.execute(SET_NOW).fetchall()) for client in clients]
    finally:
        for client in clients:
            client.close()


@pytest.fixture
def shop(pooled: Pooled) -> Pooled:
    pooled.stage.admin(
        "GRANT pg_monitor TO app; ALTER TABLE leads OWNER TO app; GRANT CREATE ON SCHEMA public TO app;"
        "CREATE EXTENSION pg_stat_statements"
    )
    pooled.stage.stack.callback(pooled.stage.admin, "REVOKE pg_monitor FROM app")
    return pooled


def test_no_question_leaves_anything_on_them(shop: Pooled) -> None:
    before = seen(shop)

    for asked in QUESTIONS:
        ask(asked, place(door(shop)))

    assert seen(shop) == before


def test_no_change_leaves_anything_on_them(shop: Pooled) -> None:
    before = seen(shop)
    postgres = door(shop)

    postgres.act("UPDATE public.leads SET status = 'held' WHERE id = %(id)s", id=1)
    with postgres.transaction() as work:
        work.run("UPDATE public.leads SET status = 'kept' WHERE id = 2")
    with postgres.snapshot() as moment:
        moment.run("SELECT count(*) FROM public.leads")
    with pytest.raises(CannotLook):
        postgres.act("SELECT 1 / 0")

    assert seen(shop) == before
    assert shop.stage.admin("SELECT status FROM leads WHERE id IN (1, 2) ORDER BY id") == [("held",), ("kept",)]


def test_no_plan_leaves_anything_on_them(shop: Pooled) -> None:
    before = seen(shop)

    assert isinstance(explain(door(shop), "SELECT * FROM leads WHERE email = $1"), Explained)
    assert "does not exist" in str(explain(door(shop), "SELECT * FROM nowhere WHERE email = $1"))
    # Its plan is asked for, and fails: what was prepared goes too.
    assert isinstance(explain(door(shop), "SELECT 1 / (SELECT 0) FROM leads FOR UPDATE OF leads"), Explained | str)

    assert seen(shop) == before


def test_the_applications_own_long_statement_goes_on(shop: Pooled) -> None:
    """The limit of ours was a second; the application's statement takes two."""
    postgres = door(shop).model_copy(update={"statement_timeout_s": 1.0})
    for _ in range(2 * POOL):
        postgres.act("SELECT 1")

    for client in [shop.client() for _ in range(POOL)]:
        assert client.execute("SELECT 'slept' FROM pg_sleep(2)").fetchone() == ("slept",)


def test_what_needs_a_session_of_its_own_is_refused_before_the_approval(shop: Pooled) -> None:
    shop.stage.admin("CREATE INDEX broken ON leads (status)")
    shop.stage.admin("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass")

    with pytest.raises(Refused) as caught:
        DropInvalidIndexes().plan(door(shop))

    assert caught.value.says == (
        f"127.0.0.1:{shop.port}/shop leads to a pooler that gives out the server by transaction: what we would set for "
        "one statement (a time limit, where names are looked up) would be the next client's, and VACUUM, CREATE INDEX "
        "CONCURRENTLY and a drill's open transaction need a session of their own."
    )
    assert caught.value.remedy.startswith("Give action_url (drill_url) the server's own address, past the pooler")
    with pytest.raises(Refused, match="gives out the server by transaction"):
        door(shop).act_at_length("VACUUM public.leads")
    with pytest.raises(Refused, match="gives out the server by transaction"):
        door(shop).drill_session("billing-worker")


def test_a_pool_by_session_is_as_good_as_a_session_and_is_given_back_as_it_was(shop: Pooled) -> None:
    before = seen(shop, "kept")
    postgres = door(shop, "kept")

    postgres.refuse_pooled_actor()
    postgres.act_at_length("VACUUM public.leads")
    with postgres.drill_session("billing-worker") as session:
        pid = session.pid
        session.run("BEGIN")
        held = "SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
        until(lambda: shop.stage.admin(held) == [(pid,)], "the drill alone holds a transaction")

    until(lambda: not shop.stage.admin(held), "the drill's transaction is over")
    assert seen(shop, "kept") == before


def test_a_direct_session_is_known_to_be_one(shop: Pooled) -> None:
    shop.stage.door(acts="app").refuse_pooled_actor()


def test_a_pool_by_statement_says_that_nothing_can_be_asked_through_it(shop: Pooled) -> None:
    with pytest.raises(Refused) as caught:
        door(shop, "each").rows("SELECT 1")

    assert "statement pooling mode" in caught.value.says
    assert caught.value.remedy == "Lead the URL past the pooler."


def test_a_pooler_that_froze_holds_us_up_no_longer_than_our_limit(shop: Pooled) -> None:
    postgres = door(shop).model_copy(update={"statement_timeout_s": 1.0})
    session = postgres.asked_as_actor()
    with session as asked:
        asked.run("SELECT 1")
        os.kill(shop.process.pid, signal.SIGSTOP)
        thaw = threading.Timer(60, os.kill, (shop.process.pid, signal.SIGCONT))
        thaw.start()
        try:
            with pytest.raises(CannotLook, match="ended our connection"):
                asked.run("SELECT 2")
            assert thaw.is_alive(), "it waited until the pooler went on"
        finally:
            thaw.cancel()
            os.kill(shop.process.pid, signal.SIGCONT)
