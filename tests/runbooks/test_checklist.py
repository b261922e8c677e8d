"""What a checklist declares, and when its clock says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.server.schemas.schedules import CronSchedule

from runbooks.cadence import EVERY_DAY, Cadence
from runbooks.checklist import Health, Ran
from runbooks.model import InvalidRunbook, Manual, Step
from runbooks.window import Day
from tests.runbooks.test_model import ShutDoor, check_door, check_window

MORNING = Cadence(at=time(7, 30), due_for=timedelta(hours=4))
# Nights in which the clock is put on or back, each from noon before it.
CHANGES = (
    ("Europe/Berlin", "2026-03-28T12:00"),
    ("Europe/Berlin", "2026-10-24T12:00"),
    ("America/New_York", "2026-03-07T12:00"),
    ("America/New_York", "2026-10-31T12:00"),
    ("America/Santiago", "2026-04-04T12:00"),
    ("Australia/Lord_Howe", "2026-10-03T12:00"),
)


def health(**changes: Any) -> Health:
    """A sound checklist, but for the changes."""
    sound: dict[str, Any] = {
        "title": "Walk through the house",
        "purpose": "Nobody likes surprises.",
        "keywords": ("round",),
        "cadence": MORNING,
        "questions": (check_door, check_window),
        "sign_offs": (Manual("Feed the cat", how="Half a tin."),),
    }
    return Health(**{**sound, **changes})


def test_it_asks_what_is_declared_and_has_people_sign_the_rest() -> None:
    declared = health()
    assert declared.checks == (check_door, check_window)
    assert [part.title for part in declared.parts] == ["Feed the cat"]
    assert declared.answer_within == timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"questions": ()}, "`questions` is empty"),
        ({"questions": (check_door, check_door)}, "asks check_door twice"),
        ({"sign_offs": (Step(ShutDoor()),)}, "which is no Manual. A checklist changes nothing"),
        ({"sign_offs": (Manual("Feed the cat", when=check_door, how="…"),)}, "is signed off every time"),
        ({"ran": (Ran("house/dishes", within=timedelta(0)),)}, "Give it a time above zero"),
        ({"sign_off_within": timedelta(0)}, "Give people a time above zero"),
        ({"cadence": Cadence(at=time(7, 30, 5), due_for=timedelta(hours=1))}, "a plain time to the minute"),
        ({"cadence": Cadence(at=time(7, tzinfo=UTC), due_for=timedelta(hours=1))}, "a plain time to the minute"),
        ({"cadence": Cadence(at=time(7), due_for=timedelta(0))}, "is still worth making up"),
        ({"cadence": Cadence(at=time(7), due_for=timedelta(1), days=())}, "the cadence needs `days`"),
        ({"cadence": Cadence(at=time(7), due_for=timedelta(1), weeks=(5,))}, "`weeks` are of 1 to 4"),
        ({"cadence": Cadence(at=time(7), due_for=timedelta(1), months=(0,))}, "`months` are of 1 to 12"),
    ],
)
def test_it_refuses_what_contradicts_itself(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidRunbook, match="Walk through the house: ") as refused:
        health(**changes)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("cadence", "cron", "words"),
    [
        (MORNING, "30 7 * * 0,1,2,3,4,5,6", "Every day, 07:30"),
        (Cadence(at=time(9), days=(Day.MONDAY,), due_for=timedelta(1)), "0 9 * * 1", "Monday, 09:00"),
        (Cadence(at=time(8), days=EVERY_DAY[:5], due_for=timedelta(1)), "0 8 * * 1,2,3,4,5", "Monday to Friday, 08:00"),
        (
            Cadence(at=time(9), days=(Day.MONDAY,), weeks=(1,), due_for=timedelta(1)),
            "0 9 * * 1#1",
            "Every first Monday of a month, 09:00",
        ),
        (
            Cadence(at=time(10), days=(Day.TUESDAY,), weeks=(2,), months=(7, 1), due_for=timedelta(1)),
            "0 10 * 1,7 2#2",
            "Every second Tuesday of January and July, 10:00",
        ),
    ],
)
def test_its_clock_as_cron_and_in_words(cadence: Cadence, cron: str, words: str) -> None:
    assert (cadence.cron, str(cadence)) == (cron, words)


@pytest.mark.parametrize(("zone", "noon"), CHANGES)
@pytest.mark.parametrize("at", [time(0, 0), time(1, 30), time(2, 30), time(7, 30), time(18, 0)])
def test_prefect_begins_it_once_on_the_days_the_clocks_change(zone: str, noon: str, at: time) -> None:
    """Whenever its scheduler comes round: each of its rounds plans from that moment on."""
    begins = datetime.fromisoformat(noon).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    schedule = CronSchedule(cron=Cadence(at=at, due_for=timedelta(hours=1)).cron, timezone=zone)
    planned = set()
    for minutes in range(0, 24 * 60, 10):
        start = begins + timedelta(minutes=minutes, seconds=7)
        planned |= set(asyncio.run(schedule.get_dates(n=1, start=start)))
    assert len([one for one in planned if one < begins + timedelta(days=1)]) == 1
