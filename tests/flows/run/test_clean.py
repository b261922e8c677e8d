"""Does what cannot be redacted stay unsaid? A bug in the redactor must not become a secret in the open."""

from __future__ import annotations

import traceback

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterTimestamp

from flows.journal import Redactor
from flows.run import settings
from flows.run.clean import Cleaned, cleaned
from flows.run.clock import now
from tests.flows.room import Room

CANARY = "canaryclean5Qz1"


class Broken(Redactor):
    """Trips over the very text it should clean."""

    def text(self, text: str) -> str:
        if CANARY in text:
            raise RecursionError
        return super().text(text)


def everything(error: BaseException) -> str:
    """As a log or Prefect would show it."""
    return "".join(traceback.format_exception(error))


def test_it_shows_nothing_of_an_error_it_cannot_clean() -> None:
    with pytest.raises(Cleaned) as kept, cleaned(Broken([])):
        raise ValueError(f"password is {CANARY}")
    assert CANARY not in everything(kept.value)
    assert str(kept.value).startswith("ValueError: its text could not be cleaned of secrets")


def test_it_shows_nothing_of_an_error_behind_the_error() -> None:
    behind = ValueError("it did not work")
    behind.__cause__ = KeyError(CANARY)
    with pytest.raises(Cleaned) as kept, cleaned(Redactor([CANARY])):
        raise behind
    assert CANARY not in everything(kept.value)


def test_it_writes_nothing_that_it_cannot_redact(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "Redactor", Broken)
    began = now()
    room.set(label=CANARY)
    with pytest.raises(Exception) as ended:  # noqa: PT011 - its text is what is looked at
        room.live()
    assert CANARY not in everything(ended.value)
    assert room.count("tried") == 0
    assert "asked" not in room.kinds()
    assert CANARY not in str([vars(entry) for entry in room.entries])
    with get_client(sync_client=True) as client:
        since = LogFilterTimestamp(after_=began)  # type: ignore[arg-type]  # any moment will do
        logs = client.read_logs(LogFilter(timestamp=since), limit=200)
    assert CANARY not in "".join(log.message for log in logs)
