"""The process that keeps looking for orphaned incidents and expired gates: `python -m deployments.recoverer`."""

from __future__ import annotations

import logging
import time

import httpx

from flows import settings
from flows.journal import JournalUnavailable
from flows.recover import Recoverer

# Two looks see an orphan, then a worker has to poll and to start: it runs again within ten seconds.
EVERY_S = 2.0

logger = logging.getLogger("recoverer")


def main() -> None:
    """Look for ever; a server that is down for a while is told once per look, and waited for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    recoverer = Recoverer(journal=settings.journal(), say=logger.info)
    while True:
        try:
            recoverer.look()
        except (JournalUnavailable, httpx.HTTPError) as error:
            logger.warning("Cannot look now: %s", error)
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
