"""The process that looks for orphaned incidents and expired gates, and seals the record.

Start it with `python -m deployments.recoverer`.
"""

from __future__ import annotations

import logging
import time

import httpx

from flows import settings
from flows.journal import JournalUnavailable
from flows.recover import Recoverer
from flows.seal import seal_and_anchor

# Two looks see an orphan, then a worker has to poll and to start: it runs again within ten seconds.
EVERY_S = 2.0
# What is newer than the last seal could be cut off unnoticed; a seal costs milliseconds.
SEAL_EVERY_S = 600.0

logger = logging.getLogger("recoverer")


def main() -> None:
    """Look for ever; a server that is down for a while is told once per look, and waited for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    journal = settings.journal()
    places = settings.config().record.anchors
    recoverer = Recoverer(journal=journal, say=logger.info)
    sealed_at = -SEAL_EVERY_S
    while True:
        try:
            recoverer.look()
            if time.monotonic() - sealed_at >= SEAL_EVERY_S:
                seal_and_anchor(journal, places, logger.info)
                sealed_at = time.monotonic()
        except (JournalUnavailable, httpx.HTTPError) as error:
            logger.warning("Cannot look now: %s", error)
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
