"""3-3: a restored queue is as it was at the backup's moment, and what was sent since must not go out twice."""

from __future__ import annotations

import time

from tasks.application.system import ApplicationDatabase
from tasks.backup.recovery.actions import RestoreDatabase
from tasks.backup.recovery.queue import HoldQueued, check_restored_queue
from tasks.model import Verdict
from tests.tasks.backup.making import made
from tests.tasks.backup.recovery.conftest import Losable

HOLD = HoldQueued()


def application(shop: Losable) -> ApplicationDatabase:
    sends = {
        "table": "sends",
        "id": "id",
        "status": "status",
        "created_at": "created_at",
        "statuses": {"queued": ["queued"], "sent": ["sent"], "withdrawn": ["withdrawn"], "failed": ["failed"]},
    }
    return ApplicationDatabase(url=shop.url("boss"), sends=sends)  # type: ignore[arg-type]


def queued(shop: Losable, mails: int, status: str = "queued") -> None:
    shop.run(f"INSERT INTO sends (status) SELECT '{status}' FROM generate_series(1, {mails})")  # noqa: S608


def test_what_was_queued_then_is_held_back(shop18: Losable) -> None:
    shop18.run(
        "CREATE TABLE sends (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, status text, "
        "created_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    queued(shop18, 200)
    queued(shop18, 5, "sent")
    door, app = shop18.door(), application(shop18)
    assert made(door).complete
    # It was never restored: whatever waits, waits.
    assert check_restored_queue.fn(door, app).verdict is Verdict.OK
    shop18.run("UPDATE sends SET status = 'sent'")
    shop18.drop()
    gone = check_restored_queue.fn(door, app)
    assert gone.verdict is Verdict.BAD
    assert "is gone: whatever waits in its backup's queue may have gone out since" in gone.says

    restore = RestoreDatabase()
    assert restore.apply(door, restore.plan(door)).complete
    time.sleep(0.01)
    queued(shop18, 3)
    found = check_restored_queue.fn(door, app)
    assert (found.verdict, found.value) == (Verdict.BAD, 200.0)
    assert found.says.startswith("200 mails from before ")

    plan = HOLD.plan(door, app)
    assert len(plan.commands) == 200
    assert HOLD.applied(door, app, plan) is False
    outcome = HOLD.apply(door, app, plan)
    assert outcome.complete
    assert HOLD.applied(door, app, plan) is True
    counted = "SELECT status, count(*) FROM sends GROUP BY 1 ORDER BY 1"
    # Those that came since go out as ever.
    assert shop18.run(counted) == [("queued", 3), ("sent", 5), ("withdrawn", 200)]
    assert check_restored_queue.fn(door, app).verdict is Verdict.OK
    assert HOLD.plan(door, app).commands == ()

    back = HOLD.undo(plan, outcome)
    assert back.apply(app, back.plan(app)).complete
    assert shop18.run(counted) == [("queued", 203), ("sent", 5)]
