"""Start the service with `python -m deployments.intake`; several may run side by side."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

from pydantic import SecretStr

from deployments.intake import settings
from deployments.intake.again import told_again
from deployments.intake.dispatcher import Dispatcher
from deployments.intake.intake import Intake
from deployments.intake.server import open_files, server
from deployments.intake.service import application
from flows.journal import JournalUnavailable
from flows.run import settings as ours

# Strangers decide how many refusals there are; this, and how many sources and reasons there are, how many rows a day.
WRITES_EVERY_S = 60.0
# Who stores an alert computes for a millisecond, and the one thread that speaks HTTP waits. As Python has it, it waits
# for five: that is a third fewer alerts a second, and the slowest answers take twice as long.
TAKES_TURNS_S = 0.0005


def main() -> None:
    sys.setswitchinterval(TAKES_TURNS_S)
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = ours.config()
    catalog = ours.catalog(config)
    found = settings.load(config, catalog)
    if not found.sources:
        sys.exit(f"{config.file} configures no [alerts.sources]: there is nobody to listen to.")
    dispatcher = Dispatcher(ours.journal(), lambda kept: told_again(kept, found, catalog))
    url = SecretStr(os.environ["INCIDENT_JOURNAL_URL"])
    intake = Intake(found, catalog, url, dispatcher.call)
    for work in (dispatcher.run, lambda: count_on(intake)):
        threading.Thread(target=work, daemon=True).start()
    open_files()
    server(application(intake), found.listening.host, found.listening.port).run()


def count_on(intake: Intake) -> None:
    """Write down for ever what was refused."""
    while True:
        time.sleep(WRITES_EVERY_S)
        try:
            intake.write_refused()
        except JournalUnavailable as error:
            logging.getLogger("intake").warning("What was refused is counted on, and not written now: %s", error)


if __name__ == "__main__":
    main()
