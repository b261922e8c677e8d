"""Are people told once that a budget burns, told that it does no more, and let sleep where it may wait?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from flows.journal import Journal, broken
from flows.journal.redact import MASK
from flows.keepers import burn
from flows.keepers.alarm import Alarm, burn_chain
from flows.keepers.burn import Burning
from flows.keepers.clock import Clock
from flows.people.escalate import Escalator
from tasks.config import Config
from tests.flows.inbox import Inbox, opened
from tests.flows.journal.conftest import Roles

# A Wednesday; the measurements' parts are of months, and the journal's own clock is not asked.
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CONFIG = """
[environments.shop]
kind = "staging"
routes = {{ on-call = ["json://127.0.0.1:{port}/ana"] }}
quiet_hours.P2 = {{ start = "22:00", hours = 8 }}

[[environments.shop.objectives]]
name = "up / answering"
check = "check_up"
target = 0.999

[environments.other]
kind = "staging"
routes = {{ on-call = ["json://127.0.0.1:{port}/zoe"] }}
"""
INSERT = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    VALUES ('shop', 'check_up', %s, 1, '', %s, '{}')
"""


@dataclass
class House:
    """The recoverer's two keepers that have to do with it, and a clock that is put."""

    roles: Roles
    file: Path
    inbox: Inbox
    put: pytest.MonkeyPatch
    said: list[str] = field(default_factory=list)
    # What stands somewhere as a secret.
    hidden: str = ""

    @property
    def journal(self) -> Journal:
        return self.roles.journal(self.hidden)

    def answered(self, *bad_until: datetime, bad: timedelta = 4 * MINUTE, until: datetime = NOON + DAY) -> None:
        """An answer each minute, from eight hours before noon on; BAD for so long before each of those moments."""
        since = NOON - timedelta(hours=8)
        moments = [since + n * MINUTE for n in range((until - since) // MINUTE)]
        rows = [(at, "BAD" if any(end - bad <= at < end for end in bad_until) else "OK") for at in moments]
        with psycopg.connect(self.roles.runner_url) as session, session.cursor() as cursor:
            cursor.executemany(INSERT, rows)

    def look(self, at: datetime) -> list[str]:
        """Who is told what after a look at that moment."""
        self.put.setattr(burn, "now", lambda: at)
        teller = Escalator(self.journal, lambda: Config.load(self.file), self.said.append)
        Burning(self.journal, teller, self.said.append).look()
        Alarm(self.journal, teller, lambda: Clock(troubles=()), self.said.append).look()
        told = [f"{message['to']}: {message['title']}" for message in self.inbox.got]
        self.inbox.got.clear()
        return told


@pytest.fixture
def house(roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with opened() as inbox:
        file = tmp_path / "environments.toml"
        file.write_text(CONFIG.format(port=inbox.port))
        yield House(roles, file, inbox, monkeypatch)


FAST = "BAD shop: the budget of “up / answering” burns more than 14.4× too fast"
SLOW = "WARN shop: the budget of “up / answering” burns more than 6× too fast"


def test_it_tells_once_that_a_budget_burns_and_once_that_it_does_no_more(house: House) -> None:
    house.answered(NOON)
    assert house.look(NOON) == [f"ana: Incident Pipelines: {FAST}"]
    assert house.look(NOON) == []
    assert house.look(NOON + 31 * MINUTE) == [f"ana: Mended: {FAST}"]
    assert house.look(NOON + 31 * MINUTE) == []
    entries = house.journal.read(burn_chain("shop", "up / answering"))
    assert [one.kind for one in entries if one.kind != "told"] == ["trouble", "mended"]
    assert "burns 66.7× over 1 h" in str(entries[0].body["says"])
    assert "incident trend check_up --environment shop" in str(entries[0].body["says"])
    assert broken(entries) is None


def test_it_is_silent_while_the_budget_lasts(house: House) -> None:
    house.answered()
    assert house.look(NOON) == []
    assert house.journal.beginning("burn/") == []


@pytest.mark.parametrize(("hour", "told"), [(12, [f"ana: Incident Pipelines: {SLOW}"]), (23, [])])
def test_what_can_wait_for_the_next_look_wakes_nobody(house: House, hour: int, told: list[str]) -> None:
    at = NOON.replace(hour=hour)
    # Within the half hour, but not the last five minutes.
    house.answered(at - 10 * MINUTE, bad=3 * MINUTE)
    assert house.look(at) == told


def test_what_wakes_somebody_does_so_at_night(house: House) -> None:
    night, morning = NOON.replace(hour=23), NOON.replace(hour=7) + DAY
    house.answered(night, morning - 10 * MINUTE)
    assert house.look(night) == [f"ana: Incident Pipelines: {FAST}"]
    # It burns slower, which nobody need hear of now; and it is not over.
    assert house.look(night + 10 * MINUTE) == []
    assert house.look(morning) == [f"ana: Incident Pipelines: {SLOW}"]


def test_that_it_is_over_wakes_nobody_who_was_not_woken(house: House) -> None:
    evening, night, morning = (NOON.replace(hour=21, minute=50), NOON.replace(hour=23), NOON.replace(hour=7) + DAY)
    house.answered(evening - 10 * MINUTE, bad=3 * MINUTE)
    assert house.look(evening) == [f"ana: Incident Pipelines: {SLOW}"]
    assert house.look(night) == []
    assert house.look(morning) == [f"ana: Mended: {SLOW}"]


def test_an_environment_that_cannot_be_used_keeps_nobody_else_from_hearing(house: House) -> None:
    house.answered(NOON)
    text = house.file.read_text()
    house.file.write_text(f'{text}\n[environments.early.systems.postgres]\nurl = "${{NOT_SET_HERE}}"\n')
    assert house.look(NOON) == [f"ana: Incident Pipelines: {FAST}"]


def test_what_the_record_masks_is_told_once_as_well(house: House) -> None:
    house.hidden = "answering"
    house.answered(NOON)
    assert house.look(NOON) == [f"ana: Incident Pipelines: {FAST.replace('answering', MASK)}"]
    assert house.look(NOON) == []


def test_two_recoverers_tell_it_once(house: House) -> None:
    house.answered(NOON)
    house.put.setattr(burn, "now", lambda: NOON)
    with house.journal.hold(burn_chain("shop", "up / answering")):
        assert house.look(NOON) == []
    assert "Another recoverer records it" in house.said[-1]
    assert house.look(NOON) == [f"ana: Incident Pipelines: {FAST}"]


def test_what_is_not_measured_any_more_is_not_called_mended(house: House) -> None:
    house.answered(NOON, until=NOON)
    assert house.look(NOON) == [f"ana: Incident Pipelines: {FAST}"]
    assert house.look(NOON + timedelta(hours=2)) == []


def test_a_configuration_that_cannot_be_read_is_said_and_ends_nothing(house: House) -> None:
    house.file.write_text("nonsense")
    assert house.look(NOON) == []
    assert house.said[0].startswith("No objective is looked at.")
