"""The door: limits, rights, errors, and a password that never shows."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from deployments.ports import free_port
from tasks.config import Config
from tasks.model import CannotLook, Refused, Verdict
from tasks.postgres.system import PostgresServer
from tasks.toml import InvalidConfig
from tests.conftest import Server
from tests.tasks.postgres.conftest import PASSWORD, Stage, until


def door(url: str, **settings: float) -> PostgresServer:
    return PostgresServer(url=SecretStr(url), **settings)  # type: ignore[arg-type]


def test_it_reads_in_a_transaction_that_cannot_write(stage: Stage) -> None:
    postgres = stage.door(reads="app")

    with pytest.raises(Refused, match="read-only transaction"):
        postgres.rows("UPDATE public.leads SET status = 'x'")
    assert postgres.rows("SELECT count(*) AS n FROM public.leads WHERE status LIKE 'n%%'") == [{"n": 9}]


def test_it_sets_every_limit(stage: Stage) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name", "jit")

    said = stage.door().rows("SELECT name, setting FROM pg_settings WHERE name = ANY (%(names)s)", names=list(names))

    assert {row["name"]: row["setting"] for row in said} == {
        "statement_timeout": "5000",
        "lock_timeout": "2500",
        "idle_in_transaction_session_timeout": "5000",
        "application_name": "incident-pipelines",
        "jit": "off",
    }


def test_it_acts_as_the_acting_role_and_commits(stage18: Stage) -> None:
    postgres = stage18.door(acts="app")

    assert postgres.act(
        "UPDATE public.leads SET status = 'held' WHERE id = %(id)s RETURNING current_user AS who", id=1
    ) == [{"who": "app"}]
    assert stage18.admin("SELECT status FROM leads WHERE id = 1") == [("held",)]


def test_it_keeps_values_as_json_and_masks_statements(stage: Stage) -> None:
    rows = stage.door().rows(
        "SELECT timestamptz '2026-11-21 03:00:00.000001+01' AS at, interval '90 s' AS took, 1.5::numeric AS rate, "
        "'SELECT ''hunter2''' AS query"
    )

    assert rows == [{"at": "2026-11-21T02:00:00.000001+00:00", "took": 90.0, "rate": 1.5, "query": "SELECT ?"}]


def test_it_reads_statements_of_a_database_in_another_encoding(stage18: Stage) -> None:
    stage18.admin("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        url = stage18.url("app").get_secret_value().rpartition("/")[0] + "/latin"
        with psycopg.connect(url, autocommit=True) as session:
            session.execute('SELECT 1 AS "é"')
            shown = stage18.door().rows(
                "SELECT query FROM pg_stat_activity WHERE pid = %(pid)s", pid=session.info.backend_pid
            )
        assert shown == [{"query": 'SELECT ? AS "\N{REPLACEMENT CHARACTER}"'}]
    finally:
        stage18.admin("DROP DATABASE latin WITH (FORCE)")


def test_it_gives_up_when_the_statement_limit_is_over(stage18: Stage) -> None:
    postgres = stage18.door().model_copy(update={"statement_timeout_s": 0.2})

    with pytest.raises(CannotLook) as caught:
        postgres.rows("SELECT pg_sleep(60)")

    assert caught.value.says == f"{postgres.address} did not answer within 0.2 s."
    assert not isinstance(caught.value, Refused)


def test_it_cuts_the_connection_to_a_server_that_froze(stage18: Stage) -> None:
    postgres = stage18.door().model_copy(update={"statement_timeout_s": 1.0})
    caught: list[CannotLook] = []

    def ask() -> None:
        with pytest.raises(CannotLook) as error:
            postgres.rows("SELECT pg_sleep(0.9) AS frozen")
        caught.append(error.value)

    thread = threading.Thread(target=ask)
    thread.start()
    seen = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%AS frozen' AND pid <> pg_backend_pid()"
    until(lambda: stage18.admin(seen), "our question runs")
    pid = int(str(stage18.admin(seen)[0][0]))
    os.kill(pid, signal.SIGSTOP)
    try:
        thread.join(60)
        assert not thread.is_alive(), "it waits for as long as the server is frozen"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert caught[0].says == f"{postgres.address} ended our connection."


def test_it_says_that_nothing_listens() -> None:
    port = free_port()

    with pytest.raises(CannotLook) as caught:
        door(f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/app").rows("SELECT 1")

    assert caught.value.says == f"127.0.0.1:{port}/app refuses connections: nothing listens there."
    assert caught.value.remedy.startswith("Start the server (its log says why it ended)")
    assert not isinstance(caught.value, Refused)


def test_it_gives_up_on_a_server_that_accepts_and_says_nothing() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        port = mute.getsockname()[1]
        with pytest.raises(CannotLook) as caught:
            door(f"postgresql://u:p@127.0.0.1:{port}/app", connect_timeout_s=1).rows("SELECT 1")

    assert caught.value.says == f"127.0.0.1:{port}/app did not let us connect within 2 s."


def test_it_says_that_a_name_does_not_resolve() -> None:
    with pytest.raises(CannotLook, match=r"the name nowhere\.invalid does not resolve"):
        door("postgresql://u:p@nowhere.invalid/app").rows("SELECT 1")


def test_it_says_whose_password_is_refused_and_never_which(stage: Stage) -> None:
    postgres = PostgresServer(url=stage.url("reader", "wrong-horse"))

    with pytest.raises(Refused) as caught:
        postgres.rows("SELECT 1")

    assert caught.value.says == f"{postgres.address} refuses the password of reader."
    assert "ALTER ROLE \"reader\" PASSWORD '…';" in caught.value.remedy


def test_it_says_that_the_database_is_missing(postgres18: Server) -> None:
    with pytest.raises(Refused, match="there is no database nope"):
        door(postgres18.url("postgres", postgres18.password, "nope")).rows("SELECT 1")


def test_it_says_that_the_role_may_not_log_in(stage18: Stage) -> None:
    stage18.admin(f"CREATE ROLE asleep NOLOGIN PASSWORD '{PASSWORD}'")
    try:
        with pytest.raises(Refused, match="the role asleep may not log in"):
            PostgresServer(url=stage18.url("asleep")).rows("SELECT 1")
    finally:
        stage18.admin("DROP ROLE asleep")


def test_it_says_that_the_roles_limit_is_reached(stage18: Stage) -> None:
    stage18.admin("ALTER ROLE nobody_special CONNECTION LIMIT 0")
    try:
        with pytest.raises(
            CannotLook, match="nobody_special has as many sessions as its connection limit allows"
        ) as caught:
            PostgresServer(url=stage18.url("nobody_special")).rows("SELECT 1")
        assert not isinstance(caught.value, Refused)
    finally:
        stage18.admin("ALTER ROLE nobody_special CONNECTION LIMIT -1")


def test_it_says_what_a_role_may_not_do(stage18: Stage) -> None:
    with pytest.raises(Refused, match="does not allow nobody_special to do this: permission denied for table leads"):
        stage18.door(reads="nobody_special").rows("SELECT * FROM public.leads")


def test_it_says_that_its_connection_was_ended(stage18: Stage) -> None:
    postgres = stage18.door(acts="boss")

    with pytest.raises(CannotLook, match="ended our connection"):
        postgres.act("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "mysql://u:hunter2@h/db",
        "postgresql://u:hunter2@[::1/db",
        "postgresql://u:hunter2%zz@h/db",
        "postgresql://u:hunter2@h:hunter2/db",
        "postgresql:///db?user=hunter2",
        "postgresql://:hunter2@h/db",
        "postgresql://u:hunter2@h",
    ],
)
def test_it_refuses_a_bad_url_without_repeating_it(url: str, tmp_path: Path) -> None:
    file = tmp_path / "environments.toml"
    file.write_text(f'[environments.lab]\nkind = "lab"\n[environments.lab.systems.postgres]\nurl = "{url}"\n')

    with pytest.raises(InvalidConfig) as caught:
        Config.load(file).environment("lab")
    with pytest.raises(ValidationError) as bare:
        door(url)

    assert "environments.lab.systems.postgres.url: must be a URL like postgresql://" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in str(bare.value)


@pytest.mark.parametrize("key", ["connect_timeout_s", "statement_timeout_s"])
def test_it_refuses_limits_that_limit_nothing(key: str) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        door("postgresql://u:p@h/db", **{key: 0})


def test_it_never_shows_its_password(caplog: pytest.LogCaptureFixture) -> None:
    postgres = door(f"postgresql://u:{PASSWORD}@127.0.0.1:{free_port()}/app")

    with caplog.at_level("DEBUG"), pytest.raises(CannotLook) as caught:
        postgres.rows("SELECT 1")

    for said in (repr(postgres), str(postgres), postgres.model_dump_json(), repr(caught.value), caplog.text):
        assert PASSWORD not in said
    assert postgres.address.endswith("/app")
    assert postgres.place.user == "u"


def test_it_needs_a_drill_url_for_faults() -> None:
    with pytest.raises(Refused) as caught:
        door("postgresql://u:p@h/db").drill_session("billing-worker")

    assert caught.value.says == "h:5432/db has no drill_url, and faults do not borrow other roles."


def test_it_examines_a_server_with_every_right(stage: Stage) -> None:
    postgres = stage.door()

    findings = list(postgres.examine())

    version = stage.admin("SHOW server_version")[0][0]
    assert [(f.verdict, f.says) for f in findings] == [
        (Verdict.OK, f"{postgres.address} answers: Postgres {version}, as reader."),
        (Verdict.OK, f"reader sees everybody's sessions on {postgres.address}, and reads only."),
        (Verdict.OK, f"actor may end other users' sessions on {postgres.address}."),
    ]


def test_it_examines_a_server_with_no_right(stage: Stage) -> None:
    postgres = PostgresServer(url=stage.url("nobody_special"))

    findings = list(postgres.examine())

    assert [f.verdict for f in findings] == [Verdict.OK, Verdict.UNKNOWN, Verdict.WARN]
    assert findings[1].remedy == "GRANT pg_monitor TO nobody_special;"
    assert findings[2].remedy == "GRANT pg_monitor TO nobody_special;\nGRANT pg_signal_backend TO nobody_special;"


def test_it_examines_a_server_that_is_down() -> None:
    (finding,) = door(f"postgresql://u:p@127.0.0.1:{free_port()}/app").examine()

    assert finding.verdict is Verdict.BAD


def test_it_examines_a_server_whose_acting_role_cannot_enter(stage18: Stage) -> None:
    postgres = PostgresServer(url=stage18.url("reader"), action_url=stage18.url("actor", "wrong"))

    *_, last = postgres.examine()

    assert last.verdict is Verdict.WARN
    assert last.says == f"No change is possible. {postgres.address} refuses the password of actor."


def test_it_calls_a_change_that_is_refused_no_question(stage18: Stage) -> None:
    postgres = stage18.door(acts="app")

    with pytest.raises(Refused) as refused:
        postgres.act("UPDATE public.leads SET email = 'lead1' WHERE id = 2")

    assert refused.value.says.startswith(f"{postgres.address} does not take this: duplicate key value violates")
    assert refused.value.says.endswith("(SQLSTATE 23505).")
