"""A real database with the tables of an application that nurtures leads, and its mapping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tasks.application.system import ApplicationDatabase
from tests.conftest import Server
from tests.tasks.application.tables import MAPPING, SCHEMA
from tests.tasks.postgres.conftest import Stage, staged


@dataclass
class Shop:
    """An application's database, empty but for two campaigns and a thousand leads."""

    stage: Stage

    def door(self, *without: str, **changed: dict[str, Any] | None) -> ApplicationDatabase:
        """The door; `without` leaves out parts or columns ('sends', 'sends.error'), `changed` replaces columns."""
        mapping = {part: dict(columns) for part, columns in MAPPING.items()}
        for part, columns in changed.items():
            mapping[part] = {**mapping[part], **(columns or {})}
        for name in without:
            part, _, column = name.partition(".")
            del (mapping[part] if column else mapping)[column or part]
        return ApplicationDatabase.model_validate(
            {
                "url": self.stage.url("reader"),
                "action_url": self.stage.url("actor"),
                "drill_url": self.stage.url("app"),
                **mapping,
            }
        )

    def run(self, statement: str) -> list[tuple[object, ...]]:
        return self.stage.admin(statement)

    def mails(self, amount: int, ago: str = "1 minute", status: str = "sent", **columns: str) -> None:
        """So many mails whose attempt ended `ago`, or that are due since then; `columns` are SQL."""
        moment = f"now() - interval '{ago}'"
        given = {
            "lead_id": "n",
            "send_status": f"'{status}'",
            "scheduled_send_time": moment if status == "queued" else f"{moment} - interval '20 seconds'",
            "actual_send_time": moment if status in ("sent", "bounced") else "NULL",
            "updated_at": moment,
            "created_at": f"{moment} - interval '1 minute'",
            **columns,
        }
        self.run(
            f"INSERT INTO email_sends ({', '.join(given)}) SELECT {', '.join(given.values())} "  # noqa: S608
            f"FROM generate_series(1, {amount}) n"
        )

    def enrol(self, leads: int, campaign: int = 1) -> None:
        """The first so many leads are enrolled in the campaign."""
        self.run(
            "INSERT INTO enrollments (lead_id, campaign_id, status, next_send_at) "  # noqa: S608
            f"SELECT n, {campaign}, 'active', now() + interval '1 day' FROM generate_series(1, {leads}) n"
        )

    def inbox(self, number: int, limit: int = 40, week: int | None = None, **columns: str) -> None:
        """An inbox in that week of its warm-up, or warmed up elsewhere; `columns` are SQL."""
        start = "NULL" if week is None else f"(now() AT TIME ZONE 'UTC')::date - {7 * (week - 1)}"
        given = {
            "id": str(number),
            "address": f"'sales{number}@example.com'",
            "daily_limit": str(limit),
            "warmup_from": start,
            **columns,
        }
        self.run(f"INSERT INTO inboxes ({', '.join(given)}) VALUES ({', '.join(given.values())})")  # noqa: S608

    def inbox_day(self, number: int, sent: int, bounced: int = 0, ago: int = 0, **more: int) -> None:
        """What that inbox sent so many days ago, and what came back of it."""
        self.run(
            "INSERT INTO inbox_days (inbox_id, day, sent, bounced, complained, replied) VALUES "  # noqa: S608
            f"({number}, (now() AT TIME ZONE 'UTC')::date - {ago}, {sent}, {bounced}, {more.get('complained', 0)}, "
            f"{more.get('replied', 0)})"
        )

    def setting(self, name: str) -> tuple[object, ...]:
        """Its value and who set it."""
        return self.run(f"SELECT value, changed_by FROM settings WHERE setting = '{name}'")[0]  # noqa: S608

    def events(self, kind: str, amount: int, ago: str = "1 minute") -> None:
        """That happened to the first `amount` of the mails that went out, once each."""
        self.run(
            "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "  # noqa: S608
            f"SELECT id, '{kind}', now() - interval '{ago}', '{kind}' || id FROM email_sends "
            f"WHERE actual_send_time IS NOT NULL ORDER BY id LIMIT {amount}"
        )

    def login(self, account: str, address: str, ago: str = "1 minute") -> str:
        """A login that goes on; its id."""
        return str(
            self.run(
                "INSERT INTO user_sessions (user_id, used_from, used_at) "  # noqa: S608
                f"VALUES ('{account}', '{address}', now() - interval '{ago}') RETURNING number"
            )[0][0]
        )

    def key(self, account: str) -> str:
        """An API key that counts; its id."""
        return str(self.run(f"INSERT INTO keys (user_id) VALUES ('{account}') RETURNING number")[0][0])  # noqa: S608

    def ran(
        self, workflow: str, amount: int = 1, ago: str = "1 minute", status: str = "success", ms: int = 900
    ) -> None:
        self.run(
            "INSERT INTO workflow_executions (workflow_name, status, duration_ms, created_at) "  # noqa: S608
            f"SELECT '{workflow}', '{status}', {ms}, now() - interval '{ago}' FROM generate_series(1, {amount})"
        )


@pytest.fixture(scope="module")
def built(postgres18: Server) -> Iterator[Stage]:
    with staged(postgres18) as stage:
        stage.admin(SCHEMA)
        yield stage


@pytest.fixture
def shop(built: Stage) -> Shop:
    """Making a database for every test would take most of its time."""
    built.admin(
        "TRUNCATE email_sends, email_events, enrollments, workflow_executions, campaign_analytics, inboxes, "
        "inbox_days, onboardings, calendar_connections, prospects, user_sessions, keys;"
        "UPDATE campaigns SET status = 'active';"
        "UPDATE leads SET status = 'active', name = 'Ada' "
        "WHERE status IS DISTINCT FROM 'active' OR name IS DISTINCT FROM 'Ada';"
        "UPDATE settings SET value = CASE setting WHEN 'emergency_stop' THEN 'false' ELSE '50' END::jsonb, "
        "changed_at = now() - interval '9 days', changed_by = 'ana', reason = NULL;"
        "UPDATE workflows SET active = true, next_run_at = now()"
    )
    return Shop(built)


@pytest.fixture(params=["postgres18", "postgres15"])
def own_shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop of the test's own, whose tables it may change; in CI on an older server as well."""
    with staged(request.getfixturevalue(request.param)) as stage:
        stage.admin(SCHEMA)
        yield Shop(stage)
