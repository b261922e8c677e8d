"""The baseline: a flow that does nothing, run by the same server and Prefect's own worker."""

from prefect import flow


@flow(name="empty", persist_result=False)
def empty() -> None:
    """Start and end."""
