"""The process that looks for orphaned incidents and expired gates, watches the schedules, and seals the record.

Start it with `python -m deployments.recoverer`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from deployments.called import Moves
from deployments.prefect_server import POOL
from deployments.timezones import remember_timezones
from deployments.wanted import TAG
from flows.journal import Journal, JournalUnavailable
from flows.keepers import clock
from flows.keepers.alarm import Alarm
from flows.keepers.burn import Burning
from flows.keepers.recover import Recoverer
from flows.keepers.seal import Keeper
from flows.keepers.unclaimed import Unclaimed
from flows.people.escalate import Escalator
from flows.run import settings
from runbooks.catalog import UnknownRunbook
from tasks import toml
from tasks.toml import InvalidConfig

if TYPE_CHECKING:
    from flows.people.back import Back

# Two looks see an orphan, then a worker has to poll and to start: it runs again within ten seconds.
EVERY_S = 2.0
# People are told within this time.
TELL_EVERY_S = 5.0
# A trouble is told at the second look that finds it. With the longest time that one is waited for before it counts
# (70 s, flows/clock.py) that makes less than two minutes.
CLOCK_EVERY_S = 20.0
# A budget that burns 14 times too fast lasts two days: a minute is soon enough, and costs a few reads.
BURN_EVERY_S = 60.0
# What is newer than the last seal could be cut off unnoticed; a seal costs milliseconds.
SEAL_EVERY_S = 600.0

logger = logging.getLogger("recoverer")


def main() -> None:
    """Look for ever; a server that is down for a while is told once per look, and waited for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for chatty in ("httpx", "botocore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    remember_timezones()
    journal = settings.journal()
    recoverer = Recoverer(journal=journal, say=logger.info, moved=Moves().listen().seen)
    # Of their own, because a mail server or a store that does not answer must not keep orphans waiting.
    escalator, keeper = (of(journal, settings.config, logger.info) for of in (Escalator, Keeper))
    teller = Escalator(journal, settings.config, logger.info)
    alarm = Alarm(journal, teller, lambda: clock.look(TAG, POOL), logger.warning, heart())
    unclaimed = Unclaimed(journal, Escalator(journal, settings.config, logger.info))
    burning = Burning(journal, Escalator(journal, settings.config, logger.info), logger.warning)
    looks = [
        (escalator.look, TELL_EVERY_S),
        (unclaimed.look, TELL_EVERY_S),
        (keeper.look, SEAL_EVERY_S),
        (alarm.look, CLOCK_EVERY_S),
        (burning.look, BURN_EVERY_S),
    ]
    if sources := back(journal):
        looks.append((sources.look, TELL_EVERY_S))
    for look, every_s in looks:
        threading.Thread(target=repeat, args=(look, every_s), daemon=True).start()
    while True:
        try:
            recoverer.look()
        except (JournalUnavailable, httpx.HTTPError) as error:
            logger.warning("Cannot look now: %s", error)
        time.sleep(EVERY_S)


def heart() -> Callable[[], object]:
    """What is done while schedules begin what they should."""
    try:
        url = settings.config().health.heartbeat
    except InvalidConfig as error:
        logger.warning("No heartbeat is sent: %s", error)
        url = None
    if url is None:
        return bool
    from deployments.heartbeat import Heartbeat

    return Heartbeat(url, logger.warning).beat


def back(journal: Journal) -> Back | None:
    """What tells sources what becomes of their alerts; None where none of them has an `api`."""
    try:
        config = settings.config()
        sources = toml.tables_in(config.alerts.get("sources", {}), config.file, "alerts.sources")
        if not any("api" in said for _, said in sources):
            return None
        # Not before it is needed: it imports the whole service.
        from deployments.intake import settings as alerts
        from flows.people.back import Back

        found = alerts.load(config, settings.catalog(config))
    except (InvalidConfig, UnknownRunbook) as error:
        logger.warning("No source is told what becomes of its alerts: %s", error)
        return None
    apis = {name: source.back for name, source in found.sources.items() if source.back is not None}
    pages = found.listening.prefect_url or os.environ.get("PREFECT_API_URL", "").removesuffix("/api")
    teller = Escalator(journal, settings.config, logger.info)
    return Back(teller=teller, apis=apis, runs=f"{pages.rstrip('/')}/runs/flow-run/")


def repeat(look: Callable[[], object], every_s: float) -> None:
    """Look for ever, whatever one look meets."""
    while True:
        try:
            look()
        except JournalUnavailable as error:
            logger.warning("Cannot look now: %s", error)
            # As soon as it is back: a seal is not to wait for ten minutes more.
            time.sleep(min(every_s, TELL_EVERY_S))
            continue
        except Exception:
            # Whatever it is, the next message must still go out, and the next seal be made.
            logger.exception("A look failed.")
        time.sleep(every_s)


if __name__ == "__main__":
    main()
