"""Start the service with `python -m deployments.intake`; several may run side by side."""

from __future__ import annotations

import logging
import os
import sys
import threading

from pydantic import SecretStr

from deployments.intake import settings
from deployments.intake.dispatcher import Dispatcher
from deployments.intake.intake import Intake
from deployments.intake.server import open_files, server
from deployments.intake.service import application
from flows.run import settings as ours


def main() -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = ours.config()
    catalog = ours.catalog(config)
    found = settings.load(config, catalog)
    if not found.sources:
        sys.exit(f"{config.file} configures no [alerts.sources]: there is nobody to listen to.")
    dispatcher = Dispatcher(ours.journal())
    threading.Thread(target=dispatcher.run, daemon=True).start()
    url = SecretStr(os.environ["INCIDENT_JOURNAL_URL"])
    intake = Intake(found, catalog, url, dispatcher.call)
    open_files()
    server(application(intake), found.listening.host, found.listening.port).run()


if __name__ == "__main__":
    main()
