"""Execute one flow run of ours: `python -P -m deployments.engine`, with PREFECT__FLOW_RUN_ID in the environment.

Prefect's own engine runs the pull steps of the run's deployment and imports what it names. Whoever reaches the API may
write both. Here the run says only which of our flows it is, by name.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect._flow_run_suspension import FlowRunSuspensionRequest, register_flow_run_suspension_request
from prefect.flow_engine import FlowRunEngine

from deployments.monitors import told
from flows.run import health

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun

# Each is flows.<name>.<name>.
OURS = ("incident", "playbook", "maintenance", "health", "watch", "drill")


class NotOurs(Exception):
    """A run of a flow that is none of ours, or that no deployment of ours began."""


def flow_of(run: FlowRun, name: str) -> Flow[..., Any]:
    """Our own flow called `name`, as the run's flow is on the server.

    Raises:
        NotOurs: the message says what it is.
    """
    if run.deployment_id is None:
        raise NotOurs(f"Run {run.id} is of no deployment. Begin it from one that `incident publish` made.")
    if name not in OURS:
        raise NotOurs(f"Run {run.id} is of the flow {name!r}; this worker executes: {', '.join(OURS)}.")
    return our_flow(name)


def our_flow(name: str) -> Flow[..., Any]:
    """The one called `name` in OURS. It keeps no results, and asks the server for no place to keep them in."""
    from deployments.no_results import NoResults

    flow: Flow[..., Any] = getattr(importlib.import_module(f"flows.{name}"), name)
    flow.result_storage = NoResults()
    return flow


class Engine(FlowRunEngine[Any, Any]):
    """Prefect's, without a thread and a websocket that wait for somebody to press Pause.

    Opening them took as long as the first question. Before anything is done our own flows look whether the run is
    still wanted (`go_on_only_if_wanted`), whatever it was that was pressed.
    """

    @contextlib.contextmanager
    def setup_flow_run_suspension_request(self) -> Iterator[FlowRunSuspensionRequest]:
        assert self.flow_run is not None  # noqa: S101 - `live_through` gave one
        request = self._get_flow_run_suspension_request()
        with register_flow_run_suspension_request(self.flow_run.id, request):
            yield request


@contextlib.contextmanager
def lightly() -> Iterator[None]:
    """Prefect's settings for a run: no heartbeats, and no question whether the server is of the same version.

    The heartbeats' thread makes every run end up to a second late, and tells nothing that we use. Versions are
    `incident doctor`'s business. Entering costs 0.1 s, so whoever forks does it before.
    """
    from prefect.settings import (
        PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    updates = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False}
    with temporary_settings(updates):
        yield


def asked_for() -> tuple[FlowRun, str]:
    """The run that the process environment names, and its flow's name."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(os.environ["PREFECT__FLOW_RUN_ID"]))
        return run, client.read_flow(run.flow_id).name


def execute(run: FlowRun, name: str) -> None:
    """Execute the run; ends the process with 0 when its state on the server says how it went."""
    from prefect._internal.control_listener import configure_from_env
    from prefect.context import SyncClientContext
    from prefect.engine import handle_engine_signals
    from prefect.logging.loggers import flow_run_logger

    # By this way the worker tells that a run was cancelled.
    configure_from_env()
    with SyncClientContext.get_or_create(), handle_engine_signals(run.id):
        logger = flow_run_logger(run)
        try:
            flow = flow_of(run, name)
        except NotOurs as error:
            logger.error("%s", error)
            raise
        with told(run, name):
            live_through(flow, run, logger.logger)


def live_through(flow: Flow[..., Any], run: FlowRun, logger: logging.Logger) -> None:
    """As Prefect's `run_flow`, with our engine; what it meets goes to the run's own log.

    The run's result is never asked for: the server may say that there is one already, pickled, and where it lies.
    """
    from prefect.exceptions import Abort, Pause
    from prefect.utilities.callables import get_call_parameters, parameters_to_args_kwargs

    try:
        if run.run_count:
            # It has its name since it began first; giving it again is one more question to the server.
            flow.flow_run_name = None
        positional, named = parameters_to_args_kwargs(flow.fn, run.parameters)
        engine = Engine(flow=flow, parameters=get_call_parameters(flow.fn, positional, named), flow_run=run)
        with engine.start():
            while engine.is_running():
                with engine.run_context():
                    _call(engine)
    except (Abort, Pause):
        raise
    except BaseException:
        logger.exception("The run was broken off.")
        raise


def _call(engine: Engine) -> None:
    try:
        engine.call_flow_fn()
    except Exception as error:
        health.ended(error)
        raise


if __name__ == "__main__":
    with lightly():
        execute(*asked_for())
