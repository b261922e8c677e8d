"""What a run needs, imported and built once, before there is a run; every run's process is a copy of that."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from deployments.engine import OURS, our_flow

if TYPE_CHECKING:
    from pydantic import BaseModel

# What Prefect, and what it rests on, import at first use: a tenth of a second, just before the first question.
LATE = (
    "anyio._backends._asyncio",
    "encodings.idna",
    "prefect.artifacts",
    "prefect.events.clients",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.utilities.visualization",
    "rich.emoji",
)


def prepare(*, team: bool) -> None:
    """Import all that a run needs. A configuration that cannot be used is told by each run, in its own log."""
    from flows.run import settings
    from runbooks.catalog import Catalog
    from tasks.toml import InvalidConfig

    for module in LATE:
        importlib.import_module(module)
    for name in OURS:
        our_flow(name)
    for model in _built_late():
        model.model_rebuild()
    if not team:
        Catalog.load()
        return
    with contextlib.suppress(InvalidConfig):
        config = settings.config()
        settings.keep(config)
        if config.health.sentry_dsn is not None:
            importlib.import_module("sentry_sdk.crons")


def _built_late() -> Iterator[type[BaseModel]]:
    """Prefect's models of what it sends and is answered: each is built at first use, a few milliseconds each."""
    from prefect.client.schemas import actions, objects, responses
    from prefect.events.schemas.events import Event

    yield from (actions.ArtifactCreate, actions.FlowRunUpdate, actions.LogCreate)
    yield from (objects.Artifact, objects.CsrfToken, objects.FlowRun, objects.FlowRunInput, objects.FlowRunPolicy)
    yield from (objects.WorkPool, objects.WorkQueue, responses.DeploymentResponse, responses.OrchestrationResult, Event)
