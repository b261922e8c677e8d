"""Keep the record provable: seal what grew, and anchor the newest seal elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from flows.journal import Journal, NotAnchors, Seal, anchor


def seal_and_anchor(journal: Journal, places: Sequence[Path], say: Callable[[str], object]) -> list[Seal]:
    """Seal whatever no seal covers yet, and see that every place has the newest seal; the seals that were made.

    A place that cannot be written is told, and tried again at the next call: the seals themselves are in the record.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    made = journal.seal()
    newest = made[-1] if made else journal.last_seal()
    for place in places:
        try:
            if newest and anchor(place, newest):
                say(f"Seal {newest.seal} is anchored in {place}.")
        except (OSError, NotAnchors) as error:
            say(f"Seal {newest.seal if newest else 0} could not be anchored in {place}: {error}")
    return made
