"""For the tests that publish."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployments.publish import POOL
from tests.conftest import HARNESS_STARTS_WITHIN_S


@pytest.fixture(scope="session")
def publishing() -> Iterator[None]:
    """A Prefect server of its own: on the shared one others need their deployments.

    For the rest of the session it is the one that is spoken to, so whoever wants the shared one comes before (spread).
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(HARNESS_STARTS_WITHIN_S), get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        yield
