"""Does the process that seals the record and tells people go on, whatever one look meets?"""

from __future__ import annotations

import pytest

from deployments import recoverer
from flows.journal import JournalUnavailable


def test_it_goes_on_whatever_one_look_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recoverer, "TELL_EVERY_S", 0.0)
    met: list[BaseException] = [JournalUnavailable("down"), ValueError("odd"), JournalUnavailable("down"), SystemExit()]

    def look() -> None:
        raise met.pop(0)

    # A journal that is back is not left waiting for the whole time between two looks.
    with pytest.raises(SystemExit):
        recoverer.repeat(look, 0.0)
    assert met == []
