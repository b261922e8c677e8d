"""The baselines: flows that do nothing, run by the same server and Prefect's own worker."""

import time

from prefect import flow


@flow(name="empty", persist_result=False)
def empty() -> None:
    """Start and end."""


@flow(name="asleep", persist_result=False)
def asleep(seconds: float) -> None:
    """Be there for so long."""
    time.sleep(seconds)
