"""Every reason for which nobody gets in, produced for real; and what is said of each."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from deployments.cluster import Cluster, running
from deployments.leash import leashed
from deployments.ports import free_port
from tasks.model import Verdict
from tasks.postgres.connections import checks
from tasks.postgres.connections.checks import check_can_connect
from tasks.postgres.connections.knocks import knock_all
from tasks.postgres.refusals import NotAdmitted, NotConnected, Place, Reason, at_the_door
from tasks.postgres.system import PostgresServer
from tests.conftest import SETTINGS, Server
from tests.tasks.postgres.conftest import PASSWORD, Stage, until

ask = check_can_connect.fn


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "AGAIN_S", 0.0)


def door(url: str | SecretStr, **more: object) -> PostgresServer:
    return PostgresServer(url=url, **more)  # type: ignore[arg-type]


def reasons(postgres: PostgresServer) -> list[object]:
    found = ask(postgres)
    assert found.verdict is (Verdict.BAD if found.facts["reasons"] else Verdict.OK)
    return list(found.facts["reasons"])  # type: ignore[arg-type]


@contextmanager
def listening(says: bytes | None) -> Iterator[int]:
    """A port where somebody listens: says something to whoever comes and hangs up, or (None) nothing at all."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                client.recv(1000)
                client.sendall(says or b"")
                client.close()

        thread = threading.Thread(target=answer, daemon=True)
        if says is not None:
            thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    if says is not None:
        thread.join(10)


def test_it_says_that_we_and_the_application_get_in(stage: Stage) -> None:
    postgres = stage.door().model_copy(update={"application_url": stage.url("app")})

    found = ask(postgres)

    assert found.verdict is Verdict.OK
    assert found.says.startswith(f"We and the application can connect to {postgres.address}; it took ")
    assert found.says.endswith(" ms (bad from 2 s).")
    assert [row["whose"] for row in found.rows] == ["we", "the application"]
    assert found.value is not None
    assert 0 < found.value < 2


def test_it_counts_the_seconds_a_login_takes(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, verdict in ((0.99, Verdict.OK), (1, Verdict.WARN), (1.99, Verdict.WARN), (2, Verdict.BAD)):
        monkeypatch.setattr(PostgresServer, "knock", lambda _self, _url, s=seconds: s)
        assert ask(stage18.door()).verdict is verdict


def test_it_notices_that_the_application_alone_is_kept_out(stage: Stage) -> None:
    postgres = stage.door().model_copy(update={"application_url": stage.url("app", "rotated")})

    found = ask(postgres)

    assert found.verdict is Verdict.BAD
    assert found.says == f"The application cannot connect: {postgres.address} refuses the password of app."
    assert [(row["whose"], row["connected"], row["reason"]) for row in found.rows] == [
        ("we", True, None),
        ("the application", False, "password"),
    ]
    assert "rotated" not in str(found)


def test_it_tells_a_missing_role_from_a_wrong_password(stage: Stage) -> None:
    # Postgres itself says "password authentication failed" of both, so that nobody can guess names.
    postgres = stage.door().model_copy(update={"application_url": stage.url("ghost")})

    found = ask(postgres)

    assert found.facts["reasons"] == ["password"]
    assert found.remedy.endswith("There is no role ghost: Postgres says 'password' of a missing role too.")


def test_it_tells_an_expired_password_from_a_wrong_one(stage: Stage) -> None:
    stage.admin("ALTER ROLE nobody_special VALID UNTIL '2020-01-01 00:00:00+00'")
    try:
        postgres = stage.door().model_copy(update={"application_url": stage.url("nobody_special")})
        remedy = ask(postgres).remedy
        said = "The password of nobody_special was valid until 2020-01-01 00:00:00+00: "
        assert remedy == f"{said}ALTER ROLE nobody_special VALID UNTIL 'infinity';"
        stage.admin(remedy.removeprefix(said))
        assert ask(postgres).verdict is Verdict.OK
    finally:
        stage.admin("ALTER ROLE nobody_special VALID UNTIL 'infinity'")


def test_it_tells_apart_what_a_running_server_refuses(stage: Stage) -> None:
    stage.admin(f"DROP ROLE IF EXISTS asleep; CREATE ROLE asleep NOLOGIN PASSWORD '{PASSWORD}'")
    stage.admin("ALTER ROLE nobody_special CONNECTION LIMIT 0")
    name = stage.admin("SELECT current_database()")[0][0]
    url = stage.url("reader").get_secret_value()
    try:
        assert reasons(door(stage.url("reader", "wrong"))) == ["password"]
        assert reasons(door(stage.url("asleep"))) == ["role may not log in"]
        assert reasons(door(stage.url("nobody_special"))) == ["role's connection limit"]
        assert reasons(door(url.rpartition("/")[0] + "/nope")) == ["database missing"]
        assert reasons(door(url + "?sslmode=require")) == ["TLS"]
        stage.admin(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        assert reasons(door(url)) == ["database's connection limit"]
        stage.admin(f"ALTER DATABASE {name} CONNECTION LIMIT -1; REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        assert reasons(door(url)) == ["not admitted"]
        assert reasons(door(stage.admin_url)) == []
    finally:
        stage.admin("DROP ROLE asleep; ALTER ROLE nobody_special CONNECTION LIMIT -1")


def test_it_tells_a_closed_database(stage: Stage) -> None:
    stage.admin("DROP DATABASE IF EXISTS closed_to_all")
    stage.admin("CREATE DATABASE closed_to_all ALLOW_CONNECTIONS false")
    try:
        url = stage.url("reader").get_secret_value().rpartition("/")[0] + "/closed_to_all"
        assert reasons(door(url)) == ["database closed"]
    finally:
        stage.admin("DROP DATABASE closed_to_all")


def test_it_is_not_misled_by_names(stage18: Stage) -> None:
    url = stage18.url("reader").get_secret_value().rpartition("/")[0]
    for name in ("timed out", "too many clients already", "it's starting up", 'a"b shutting down'):
        assert reasons(door(f"{url}/{name.replace(' ', '%20').replace(chr(34), '%22')}")) == ["database missing"]


def test_it_tells_apart_what_is_no_server() -> None:
    assert reasons(door(f"postgresql://u:p@127.0.0.1:{free_port()}/app")) == ["nothing listens"]
    assert reasons(door("postgresql://u:p@nowhere.invalid/app")) == ["the name does not resolve"]
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert reasons(door(f"postgresql://u:p@127.0.0.1:{port}/app")) == ["no Postgres"]
    with listening(b"") as port:
        assert reasons(door(f"postgresql://u:p@127.0.0.1:{port}/app")) == ["broken off"]
    with listening(None) as port:
        assert reasons(door(f"postgresql://u:p@127.0.0.1:{port}/app", connect_timeout_s=1)) == ["time-out"]


def test_it_says_the_whole_sentence_and_never_the_password() -> None:
    port = free_port()

    found = ask(door(f"postgresql://shop:hunter2hunter2@127.0.0.1:{port}/app"))

    assert found.says == f"We cannot connect: 127.0.0.1:{port}/app refuses connections: nothing listens there."
    assert found.remedy == "Start the server (its log says why it ended), or correct host and port in the URL."
    assert found.value is None
    assert "hunter2" not in str(found)


def test_it_says_that_a_server_let_us_in_and_then_was_silent(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage18.admin("ALTER ROLE reader SET statement_timeout = 0")
    postgres = stage18.door().model_copy(update={"statement_timeout_s": 0.2})
    monkeypatch.setattr(PostgresServer, "knock", lambda self, _url: self.rows("SELECT pg_sleep(60)"))
    try:
        assert reasons(postgres) == ["broken off"]
    finally:
        stage18.admin("ALTER ROLE reader RESET statement_timeout")


@pytest.fixture(scope="module")
def own(postgres18: Server) -> Iterator[tuple[Cluster, str]]:
    """A data folder of this file's own, for servers that are stopped, crashed and locked."""
    with tempfile.TemporaryDirectory(prefix="incident-pg-") as folder:
        Path(folder).chmod(0o711)
        cluster = Cluster(
            folder=Path(folder) / "data", port=free_port(), bin=postgres18.cluster.bin, settings={**SETTINGS}
        )
        password = secrets.token_urlsafe(16)
        cluster.initialise(password)
        yield cluster, password


def admin_url(own: tuple[Cluster, str]) -> str:
    return own[0].url("postgres", own[1], "postgres")


def test_it_tells_that_only_tls_is_let_in(own: tuple[Cluster, str]) -> None:
    hba = own[0].folder / "pg_hba.conf"
    kept = hba.read_text()
    with running(*own), psycopg.connect(admin_url(own), autocommit=True) as session:
        hba.write_text("hostssl all postgres all scram-sha-256\n")
        session.execute("SELECT pg_reload_conf()")
        try:
            until(lambda: ask(door(admin_url(own))).verdict is Verdict.BAD, "pg_hba.conf was read again")
            assert reasons(door(admin_url(own) + "?sslmode=disable")) == ["TLS"]
            assert reasons(door(admin_url(own))) == ["not admitted"]
        finally:
            hba.write_text(kept)
            session.execute("SELECT pg_reload_conf()")
            until(lambda: ask(door(admin_url(own))).verdict is Verdict.OK, "pg_hba.conf is as it was")


def test_it_tells_a_server_that_recovers_from_a_crash(own: tuple[Cluster, str]) -> None:
    with (
        running(*own),
        psycopg.connect(admin_url(own)) as stuck,
        psycopg.connect(admin_url(own)) as crashed,
    ):
        # One process does not notice that it should leave: the server waits some seconds before it kills it.
        os.kill(stuck.info.backend_pid, signal.SIGSTOP)
        os.kill(crashed.info.backend_pid, signal.SIGKILL)
        until(lambda: reasons(door(admin_url(own))) == ["in recovery"], "the server recovers")
        found = ask(door(admin_url(own)))
        assert found.says.endswith("recovers from a crash of one of its processes.")
        os.kill(stuck.info.backend_pid, signal.SIGCONT)
        until(lambda: ask(door(admin_url(own))).verdict is not Verdict.BAD, "it has recovered")


def test_it_tells_a_server_that_is_shutting_down(own: tuple[Cluster, str]) -> None:
    with running(*own), psycopg.connect(admin_url(own)) as last:
        postmaster = int((own[0].folder / "postmaster.pid").read_text().partition("\n")[0])
        # A smart shutdown: it waits for the last session.
        os.kill(postmaster, signal.SIGTERM)
        until(lambda: reasons(door(admin_url(own))) == ["shutting down"], "the server waits for its last session")
        last.close()


def test_it_tells_a_server_that_is_starting_up(own: tuple[Cluster, str]) -> None:
    cluster, _ = own
    slow = Cluster(
        folder=cluster.folder,
        port=cluster.port,
        bin=cluster.bin,
        settings={**SETTINGS, "restore_command": "sleep 60"},
    )
    slow.configure()
    mark = cluster.folder / "recovery.signal"
    mark.touch()
    log = cluster.folder.with_name("starting.log")
    with log.open("ab") as out:
        child = subprocess.Popen(
            leashed(slow.command(), stop="QUIT", how=slow.drop), stdout=out, stderr=out, start_new_session=True
        )
    try:
        until(lambda: reasons(door(admin_url(own))) == ["starting up"], "it waits for its archive")
    finally:
        child.send_signal(signal.SIGQUIT)
        child.wait(30)
        mark.unlink(missing_ok=True)


PLACE = Place(host="db", port="6543", database="app", user="web")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FATAL:  sorry, too many clients already", Reason.TOO_MANY_CLIENTS),
        (
            "FATAL:  remaining connection slots are reserved for non-replication superuser connections",
            Reason.TOO_MANY_CLIENTS,
        ),
        (
            'FATAL:  remaining connection slots are reserved for roles with privileges of the "pg_use_reserved_'
            'connections" role',
            Reason.TOO_MANY_CLIENTS,
        ),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "too many clients"),
        ("FATAL:  MaxClientsInSessionMode: max clients reached", Reason.POOLER_FULL),
        ("FATAL:  no more connections allowed (max_client_conn)", Reason.POOLER_FULL),
        ("FATAL:  Tenant or user not found", Reason.ROLE_MISSING),
        ("FATAL:  server login has been failing, try again later (server_login_retry)", Reason.POOLER_CUT_OFF),
        ("FATAL:  the database system is not yet accepting connections", Reason.STARTING_UP),
        ("FATAL:  the database system is not accepting connections", Reason.STARTING_UP),
        ("connection failed: Network is unreachable", Reason.UNREACHABLE),
        ("something nobody has heard of", Reason.OTHER),
    ],
)
def test_it_knows_the_words_of_other_versions_and_poolers(text: str, reason: str) -> None:
    assert at_the_door(PLACE, text, 3).reason == reason


def test_it_asks_again_only_where_that_helps() -> None:
    assert not isinstance(at_the_door(PLACE, "FATAL:  sorry, too many clients already", 3), NotAdmitted)
    assert isinstance(at_the_door(PLACE, "FATAL:  password authentication failed", 3), NotAdmitted)


def test_it_knocks_once_where_both_doors_are_one(stage18: Stage) -> None:
    same = stage18.door().model_copy(update={"application_url": stage18.url("reader")})
    assert len(knock_all(same)) == 1


def test_it_makes_nothing_of_one_failure(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    knock, heard = PostgresServer.knock, []

    def hiccup(door: PostgresServer, url: SecretStr) -> float:
        heard.append(url)
        if len(heard) == 1:
            raise NotConnected(Reason.REFUSED, "It hiccuped.", "")
        return knock(door, url)

    monkeypatch.setattr(PostgresServer, "knock", hiccup)
    assert check_can_connect.fn(stage.door()).verdict is Verdict.OK
    assert len(heard) == 2
