"""Ways to fail a checklist's question about the lab's database for which no runbook has a rehearsal.

They take the superuser whom the lab gives its backups for their trials, and are no faults of the product's.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tasks.backup.system import Backups
from tasks.fault import Fault

NAME = "drill_full"
Session = psycopg.Connection[tuple[object, ...]]


def superuser(backup: Backups, database: str | None = None) -> Session:
    """Of the application's database, or of another one."""
    named = database or backup.source.place.database
    return psycopg.connect(backup.scratch_url.get_secret_value(), dbname=named, autocommit=True)


class EndNumbers(Fault):
    """Leave a sequence one number before its last."""

    def cause(self, backup: Backups) -> Backups:
        with superuser(backup) as session:
            session.execute(f"CREATE SEQUENCE public.{NAME} MAXVALUE 100")
            session.execute(f"GRANT SELECT, USAGE ON SEQUENCE public.{NAME} TO PUBLIC")
            session.execute(f"SELECT setval('public.{NAME}', 99)")
        return backup

    def cure(self, trouble: Backups) -> None:
        with superuser(trouble) as session:
            session.execute(f"DROP SEQUENCE IF EXISTS public.{NAME}")


class FillRole(Fault):
    """Hold the one session that a role may have."""

    def cause(self, backup: Backups) -> tuple[Backups, Session]:
        with superuser(backup) as session:
            session.execute(f"CREATE ROLE {NAME} LOGIN CONNECTION LIMIT 1 PASSWORD '{NAME}'")
            app = sql.Identifier(backup.source.place.database)
            session.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(app, sql.Identifier(NAME)))
        return backup, held(backup, backup.source.place.database)

    def cure(self, trouble: tuple[Backups, Session]) -> None:
        backup, session = trouble
        session.close()
        with superuser(backup) as other:
            other.execute("SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE usename = %s", [NAME])
            other.execute(f"DROP OWNED BY {NAME}")
            other.execute(f"DROP ROLE {NAME}")


class FillDatabase(Fault):
    """Hold the one session that a database may have; `FillRole` has made whose it is."""

    def cause(self, backup: Backups) -> Backups:
        with superuser(backup) as session:
            session.execute(f"ALTER ROLE {NAME} CONNECTION LIMIT 2")
            session.execute(f"CREATE DATABASE {NAME} CONNECTION LIMIT 1")
        self.session = held(backup, NAME)
        return backup

    def cure(self, trouble: Backups) -> None:
        self.session.close()
        with superuser(trouble) as session:
            session.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@dataclass
class Asking:
    """Who asks, and what tells it to stop."""

    backup: Backups
    over: threading.Event
    thread: threading.Thread


class AskSlowly(Fault):
    """Ask the application's database something that takes two seconds, again and again."""

    def cause(self, backup: Backups) -> Asking:
        over, enough = threading.Event(), threading.Event()
        slow = sql.SQL("SELECT count(*) FROM (SELECT pg_sleep(2) FROM public.leads LIMIT 1) AS slow")

        def ask() -> None:
            asked = 0
            # Ended by the server: it is stopped, or its slots are taken back.
            with suppress(psycopg.OperationalError), superuser(backup) as session:
                while not over.is_set():
                    session.execute(slow)
                    asked += 1
                    if asked == 5:
                        enough.set()

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        assert enough.wait(60), "Nothing was asked five times within a minute."
        return Asking(backup, over, thread)

    def cure(self, trouble: Asking) -> None:
        trouble.over.set()
        trouble.thread.join(60)
        # What was slow counts as slow for an hour.
        with superuser(trouble.backup) as session:
            session.execute("SELECT pg_stat_statements_reset()")


def held(backup: Backups, database: str) -> Session:
    """A session of the role that may have so few."""
    place = backup.source.place
    return psycopg.connect(host=place.host, port=place.port, user=NAME, password=NAME, dbname=database)
