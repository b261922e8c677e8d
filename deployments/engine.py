"""Execute one flow run of ours: `python -P -m deployments.engine`, with PREFECT__FLOW_RUN_ID in the environment.

Prefect's own engine runs the pull steps of the run's deployment and imports what it names. Whoever reaches the API may
write both. Here the run says only which of our flows it is, by name.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun

# Each is flows.<name>.<name>.
OURS = ("incident", "playbook", "maintenance", "watch", "drill")


class NotOurs(Exception):
    """A run of a flow that is none of ours, or that no deployment of ours began."""


def flow_of(run: FlowRun) -> Flow[..., Any]:
    """Our own flow of the name that the run's flow has on the server.

    Raises:
        NotOurs: the message says what it is.
    """
    from prefect.client.orchestration import get_client

    if run.deployment_id is None:
        raise NotOurs(f"Run {run.id} is of no deployment. Begin it from one that `incident publish` made.")
    with get_client(sync_client=True) as client:
        name = client.read_flow(run.flow_id).name
    if name not in OURS:
        raise NotOurs(f"Run {run.id} is of the flow {name!r}; this worker executes: {', '.join(OURS)}.")
    flow: Flow[..., Any] = getattr(importlib.import_module(f"flows.{name}"), name)
    return flow


def main() -> None:
    """Execute the run; ends the process with 0 when its state on the server says how it went."""
    from prefect._internal.control_listener import configure_from_env
    from prefect.engine import handle_engine_signals
    from prefect.flow_engine import load_flow_run, run_flow
    from prefect.logging.loggers import flow_run_logger

    run_id = UUID(os.environ["PREFECT__FLOW_RUN_ID"])
    # By this way the worker tells that a run was cancelled.
    configure_from_env()
    with handle_engine_signals(run_id):
        run = load_flow_run(run_id)
        logger = flow_run_logger(run)
        try:
            flow = flow_of(run)
        except NotOurs as error:
            logger.error("%s", error)
            raise
        # Never the result: the server may say that the run has one already, pickled, and where to load it from.
        run_flow(flow, flow_run=run, error_logger=logger.logger, return_type="state")


if __name__ == "__main__":
    main()
