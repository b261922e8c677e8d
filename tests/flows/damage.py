"""What is done to the journal's database, as its superuser."""

from __future__ import annotations

import contextlib

import psycopg

_BALLAST = """
    INSERT INTO incident.entries
    SELECT 'ballast', coalesce(last, 0) + n, '2000-01-01T00:00:00.000000Z', 'x', 'x', coalesce(last, 0) + n,
           json_build_object('x', repeat('x', %s)), repeat('0', 64), repeat('0', 64)
      FROM (SELECT max(seq) AS last FROM incident.entries WHERE incident = 'ballast') AS before,
           generate_series(1, %s) AS n
"""


def end_sessions(admin_url: str) -> None:
    """End all sessions with this journal, as a server does that restarts, or misses its client."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'incident-journal' AND datname = current_database()"
        )


def fill(admin_url: str) -> None:
    """Write other entries into the journal's table until there is no room left for the smallest."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE incident.entries DISABLE TRIGGER ALL")
        for rows, size in ((500, 900), (1, 900), (1, 9)):
            with contextlib.suppress(psycopg.errors.InternalError):
                while True:
                    admin.execute(_BALLAST, [size, rows])
        admin.execute("ALTER TABLE incident.entries ENABLE TRIGGER ALL")
