"""The dispatcher: creates the runs of what was opened, in order, for as long as Prefect does not have them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

import httpx

from flows.journal import AlreadyRecorded, Journal, JournalUnavailable, kinds
from flows.journal.alerts import Kept, News
from flows.journal.taking import Told
from flows.opening.door import dispatch
from flows.run.trigger import NotPublished, wake

# It is called when something is opened; this is for what another intake opened and did not live to dispatch.
EVERY_S = 5.0

logger = logging.getLogger("dispatcher")


class Dispatcher:
    """One thread; several intakes may each have one, and a run is created once. `again` routes what was held back."""

    def __init__(self, journal: Journal, again: Callable[[Kept], Told]) -> None:
        self._journal = journal
        self.route_again = again
        self._called = threading.Event()
        # Said once each, not at every look.
        self._told: set[int] = set()

    def call(self) -> None:
        """Something was opened."""
        self._called.set()

    def run(self) -> None:
        """Look for ever, whatever one look meets."""
        while True:
            try:
                self.look()
            except (JournalUnavailable, httpx.HTTPError) as error:
                logger.warning("Cannot dispatch now; what was opened waits: %s", error)
            except Exception:
                logger.exception("A look failed.")
            self._called.wait(EVERY_S)
            self._called.clear()

    def look(self) -> int:
        """Create the runs of what waits, and tell incidents of alerts that ended; how many runs there are now more.

        Then what was held back until now is taken again, and if that opens anything, its run is created.

        Raises:
            JournalUnavailable, httpx.HTTPError: no record, or no Prefect. Nothing is lost.
        """
        created = self._create()
        news = self._journal.alerts.news()
        self._tell(news)
        for kept in news.due:
            self._journal.alerts.again(kept, f"held/{kept.alert}", self.route_again(kept))
        return created + (self._create() if news.due else 0)

    def _create(self) -> int:
        created = 0
        for waiting in self._journal.openings.waiting():
            try:
                created += dispatch(self._journal, waiting) != waiting.run
            except NotPublished as error:
                if waiting.opening not in self._told:
                    self._told.add(waiting.opening)
                    logger.warning("Opening %s waits: %s", waiting.opening, error)
        return created

    def _tell(self, news: News) -> None:
        """Each incident hears it once; one in which nothing was begun looks again, and closes if it is so."""
        for ended in news.ended:
            says = f"{ended.source} says that it is over: {ended.title}"
            # Another intake's dispatcher may have been first.
            with suppress(AlreadyRecorded):
                self._journal.note(ended.incident, f"alert:{ended.source}", ended.key, kinds.AlertResolved(says=says))
        for incident in news.over:
            if wake(incident):
                logger.info("%s: its alerts are over; it looks again.", incident)
