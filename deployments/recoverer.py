"""The process that looks for orphaned incidents and expired gates, and seals the record.

Start it with `python -m deployments.recoverer`.
"""

from __future__ import annotations

import logging
import threading
import time

import httpx

from flows import settings
from flows.escalate import Escalator
from flows.journal import JournalUnavailable
from flows.recover import Recoverer
from flows.seal import seal_and_anchor

# Two looks see an orphan, then a worker has to poll and to start: it runs again within ten seconds.
EVERY_S = 2.0
# People are told within this time.
TELL_EVERY_S = 5.0
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
    # Of its own, because a mail server that does not answer must not keep orphans waiting.
    threading.Thread(target=tell, args=(Escalator(journal, settings.config, logger.info),), daemon=True).start()
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


def tell(escalator: Escalator) -> None:
    """Tell people for ever what they should know by now."""
    while True:
        try:
            escalator.look()
        except JournalUnavailable as error:
            logger.warning("Nobody is told now: %s", error)
        except Exception:
            # Whatever it is, the next message must still go out.
            logger.exception("A look at who is to be told failed.")
        time.sleep(TELL_EVERY_S)


if __name__ == "__main__":
    main()
