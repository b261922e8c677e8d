"""One question, one login: its looks share a session that holds nothing between them."""

from __future__ import annotations

import threading

import pytest

from runbooks.model import AnyCheck
from tasks.kept import let_go, one_question
from tasks.model import CannotLook, Refused
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.questions import ask, every_question, place

WHO = "SELECT pg_backend_pid() AS pid"
OURS = "SELECT state, backend_xmin, query FROM pg_stat_activity WHERE application_name = 'incident-pipelines'"


END_OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'incident-pipelines'"


def pid(postgres: PostgresServer) -> int:
    return int(str(postgres.rows(WHO)[0]["pid"]))


def test_its_looks_share_a_session_which_ends_with_it(stage: Stage) -> None:
    postgres = stage.door()

    with one_question():
        assert pid(postgres) == pid(postgres)
        assert len(stage.admin(OURS)) == 1
    until(lambda: not stage.admin(OURS), "our session has left")
    assert pid(postgres) != pid(postgres)


def test_between_two_looks_it_holds_no_snapshot_and_no_transaction(stage: Stage) -> None:
    with one_question():
        stage.door().rows("SELECT count(*) FROM pg_class")
        ((state, xmin, query),) = stage.admin(OURS)

    assert (state, xmin, query) == ("idle", None, "ROLLBACK")


def test_each_look_sees_what_was_changed_meanwhile_and_is_limited_and_read_only(stage: Stage) -> None:
    postgres = stage.door(reads="app")
    looks = "SELECT count(*) AS n, current_setting('lock_timeout') AS locks, now() AS began FROM public.leads"

    with one_question():
        (first,) = postgres.rows(looks)
        stage.admin("INSERT INTO leads DEFAULT VALUES")
        (second,) = postgres.rows(looks)
        with pytest.raises(Refused, match="read-only transaction"):
            postgres.rows("UPDATE public.leads SET status = 'x'")

    assert int(str(second["n"])) == int(str(first["n"])) + 1
    assert first["locks"] == second["locks"] == "2500ms"
    assert first["began"] != second["began"]


def test_a_look_that_fails_does_not_spoil_the_next(stage18: Stage) -> None:
    postgres = stage18.door()
    with one_question():
        before = pid(postgres)
        with pytest.raises(Refused):
            postgres.rows("SELECT * FROM nothing_there")
        assert pid(postgres) == before


def test_a_session_that_was_ended_at_rest_is_replaced(stage18: Stage) -> None:
    postgres = stage18.door()
    with one_question():
        before = pid(postgres)
        stage18.admin(END_OURS)
        until(lambda: not stage18.admin(OURS), "it is ended")
        assert pid(postgres) != before


def test_a_look_that_was_cut_off_is_not_asked_twice_by_itself(stage18: Stage) -> None:
    """Whether to ask again is the task's decision, which counts."""
    postgres = stage18.door()

    def end() -> None:
        until(lambda: "pg_sleep" in str(stage18.admin(OURS)), "it sleeps")
        stage18.admin(END_OURS)

    with one_question():
        pid(postgres)
        thread = threading.Thread(target=end)
        thread.start()
        with pytest.raises(CannotLook):
            postgres.rows("SELECT pg_sleep(4)")
        thread.join()
        assert pid(postgres) > 0


def test_roles_do_not_share_a_session(stage18: Stage) -> None:
    postgres = stage18.door()
    with one_question():
        users = [look("SELECT current_user AS who")[0]["who"] for look in (postgres.rows, postgres.rows_as_actor) * 2]
    assert users == ["reader", "actor"] * 2


def test_it_lets_its_slot_go_for_a_pause(stage18: Stage) -> None:
    with one_question():
        pid(stage18.door())
        let_go()
        until(lambda: not stage18.admin(OURS), "the slot is free")


# Asks whether one gets in, by each way there is.
KNOCKS = {"check_can_connect"}


@every_question
def test_no_question_logs_in_more_than_once(asked: AnyCheck, stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    logins: list[object] = []
    fresh = Session.open.__func__  # type: ignore[attr-defined]

    def opened(cls: type[Session], /, url: object, **limits: object) -> Session:
        logins.append(url)
        return fresh(cls, url, **limits)  # type: ignore[no-any-return]

    monkeypatch.setattr(Session, "open", classmethod(opened))
    ask(asked, place(stage18.door()))
    assert len(logins) == len(set(logins)) or asked.name in KNOCKS
