"""The fault really drops, only what is proven to come back; and its cure leaves everything as it was."""

from __future__ import annotations

import pytest

from tasks.application.system import ApplicationDatabase
from tasks.backup.recovery.actions import RestoreDatabase
from tasks.backup.recovery.faults import DropDatabase
from tests.tasks.backup.recovery.conftest import Losable


def application(shop: Losable) -> ApplicationDatabase:
    settings = {
        "table": "settings", "key": "setting", "value": "value", "stop": "emergency_stop",
        "stops": {"on": ["true"], "off": ["false"]},
    }  # fmt: skip
    return ApplicationDatabase(url=shop.url("boss"), drill_url=shop.url("app"), settings=settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("restored", [True, False], ids=["restored", "left lost"])
def test_it_leaves_everything_as_it_was(shop18: Losable, restored: bool) -> None:
    door, fault = shop18.door(), DropDatabase()
    shop18.run(f"CREATE DATABASE {shop18.name}_lost_7", "postgres")
    trouble = fault.cause(door, application(shop18))
    assert shop18.name not in shop18.databases
    if restored:
        assert RestoreDatabase().apply(door, RestoreDatabase().plan(door)).complete
        assert shop18.run("SELECT value FROM settings") == [("true",)]
    fault.cure(trouble)
    # Somebody else's stays, ours beside it does not; and mail goes out again.
    assert shop18.databases == [shop18.name, f"{shop18.name}_lost_7"]
    assert shop18.run("SELECT count(*) FROM leads", user="app") == [(300,)]
    assert shop18.run("SELECT value FROM settings") == [("false",)]
