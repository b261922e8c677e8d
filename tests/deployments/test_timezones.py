"""Is the database of time zones read once, however many schedules there are?"""

from __future__ import annotations

import zoneinfo

import pytest
from prefect._internal.schemas import validators
from prefect.client.schemas.schedules import CronSchedule
from prefect.types import _datetime

from deployments.timezones import remember_timezones


def test_it_is_read_once_for_all_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[None] = []

    def counted() -> set[str]:
        read.append(None)
        return zoneinfo.available_timezones()

    monkeypatch.setattr(_datetime, "available_timezones", counted)
    monkeypatch.setattr(validators, "get_timezones", _datetime.get_timezones)
    for _ in range(2):
        CronSchedule(cron="0 3 * * *", timezone="UTC")
    assert len(read) == 2, "Prefect does so itself by now: deployments/timezones.py may go"
    for _ in range(2):
        remember_timezones()
        for zone in ("Europe/Berlin", "UTC"):
            CronSchedule(cron="0 3 * * *", timezone=zone)
    assert len(read) == 3
    with pytest.raises(ValueError, match="timezone"):
        CronSchedule(cron="0 3 * * *", timezone="Nowhere/AtAll")
