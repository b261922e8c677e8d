"""Opening an incident the way the Prefect UI does: a run of the runbook's deployment."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

import httpx

from runbooks.model import Declared, Runbook


class NotPublished(Exception):
    """The runbook has no deployment on this Prefect server."""


# Why a run is not created just now; asking again later may help.
NOT_NOW = (NotPublished, httpx.HTTPError)


def deployment_name(slug: str, kind: type[Declared] = Runbook, environment: str = "") -> str:
    """database/blocked-sessions → incident/database.blocked-sessions; Prefect allows no second slash.

    What begins by a schedule has one for each environment, because each has a schedule of its own.
    """
    place = f".{environment}" if kind.by_schedule else ""
    return f"{kind.flow}/{slug.replace('/', '.')}{place}"


def trigger(
    slug: str, parameters: dict[str, Any], *, kind: type[Declared] = Runbook, idempotency_key: str | None = None
) -> UUID:
    """Create a run of the deployment of this runbook, playbook or maintenance; its id is the incident's.

    Raises:
        NotPublished: there is no such deployment.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    name = deployment_name(slug, kind, str(parameters.get("environment", "")))
    with get_client(sync_client=True) as client:
        try:
            deployment = client.read_deployment_by_name(name)
        except ObjectNotFound as error:
            raise NotPublished(f"{slug} is not published on {client.api_url}. Run `incident publish`.") from error
        run = client.create_flow_run_from_deployment(
            deployment.id, parameters=parameters, idempotency_key=idempotency_key
        )
        return run.id


def ended(run: str) -> bool:
    """Has this run come to its end, or is it gone?"""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(run)).state
        except ObjectNotFound:
            return True
    return state is not None and state.is_final()


def wake(run: str) -> bool:
    """Have a suspended run begun again, as if nobody had answered it; False if it is not suspended."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound
    from prefect.states import AwaitingRetry

    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(run)).state
        except ObjectNotFound:
            return False
        if state is None or not state.is_paused():
            return False
        client.set_flow_run_state(UUID(run), AwaitingRetry(), force=True)
    return True


def cancel(incident: str) -> None:
    """End the run of an incident, whatever it waits for; the recoverer then closes the incident as cancelled."""
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelling

    # With Prefect itself gone there is nothing to cancel, and what made us leave is the news.
    with suppress(httpx.HTTPError), get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(incident)).state
        if state is None or not state.is_final():
            client.set_flow_run_state(UUID(incident), Cancelling())
