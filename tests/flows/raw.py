"""An entry with any body, for tests of what the journal itself does with it."""

from __future__ import annotations

from flows.journal.body import Told
from tasks.model import Row


class Raw(Told):
    """Of a kind that is declared, and with a body as no writer of ours would make it."""

    def __init__(self, kind: str, body: Row) -> None:
        self.__dict__.update(kind=kind, holds=body)

    def body(self) -> Row:
        return self.__dict__["holds"]  # type: ignore[no-any-return]
