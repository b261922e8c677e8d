"""Prefect's server as the stack starts it, its scheduler failing as it did with 3.8.8 on SQLAlchemy 2.1."""

from __future__ import annotations

import sys
from typing import NoReturn

from prefect.server import models

from deployments.prefect_app import main


async def refuse(*_: object, **__: object) -> NoReturn:
    """What SQLAlchemy raised when the scheduler wrote the runs it had planned."""
    raise RuntimeError("Can't evaluate bulk DML statement\nINSERT INTO flow_run VALUES ('canary')")


if __name__ == "__main__":
    models.deployments._insert_scheduled_flow_runs = refuse
    sys.argv = ["prefect_app"]
    main()
