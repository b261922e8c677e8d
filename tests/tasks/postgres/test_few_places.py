"""A role, or a database, that lets only a few in: our own questions do not keep each other out."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.model import Finding, Verdict
from tasks.postgres import reserve
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.questions import QUESTIONS, ask, place

OURS = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'incident-pipelines' AND datname = current_database()"


def all_at_once(postgres: PostgresServer) -> dict[str, Finding]:
    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        found = pool.map(lambda asked: ask(asked, place(postgres)), QUESTIONS)
        return {asked.name: finding for asked, finding in zip(QUESTIONS, found, strict=True)}


@pytest.mark.parametrize("places", [5, 1])
@pytest.mark.parametrize("limited", ["ROLE {role}", "DATABASE {database}"])
def test_all_questions_are_answered_within_what_is_there(stage: Stage, places: int, limited: str) -> None:
    database = stage.admin_url.rpartition("/")[2]
    what = limited.format(role="reader", database=database)
    door = PostgresServer(url=stage.url("reader"))
    usual = all_at_once(door)
    until(lambda: not stage.admin(OURS), "ours have left")
    stage.admin(f"ALTER {what} CONNECTION LIMIT {places}")
    try:
        found = all_at_once(door)
    finally:
        stage.admin(f"ALTER {what} CONNECTION LIMIT -1")

    blinded = {name: one.says for name, one in found.items() if one.verdict is Verdict.UNKNOWN}
    assert {name for name in blinded if usual[name].verdict is not Verdict.UNKNOWN} == set()
    assert found["check_can_connect"].verdict is Verdict.OK
    # Those who use it up are ourselves: nobody need raise it for that.
    assert found["check_role_connection_limits"].verdict is Verdict.OK
    assert found["check_database_connection_limits"].verdict is Verdict.OK


def test_it_does_not_wait_where_others_have_used_it_up(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "TURN_WITHIN_S", 300.0)
    stage18.session("web", "nobody_special")
    stage18.admin("ALTER ROLE nobody_special CONNECTION LIMIT 1")
    began = time.monotonic()
    try:
        with pytest.raises(NotConnected) as caught:
            PostgresServer(url=stage18.url("nobody_special")).rows("SELECT 1")
    finally:
        stage18.admin("ALTER ROLE nobody_special CONNECTION LIMIT -1")

    assert caught.value.reason is Reason.ROLE_LIMIT
    assert time.monotonic() - began < 100
