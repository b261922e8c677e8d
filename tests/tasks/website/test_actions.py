"""Is the application restarted only while its website is ill, and not for what another part does?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.model import Refused, Risk
from tasks.service.system import ApplicationService
from tasks.website.actions import RestartWebsite
from tasks.website.system import Endpoint, Website
from tests.tasks.service.conftest import commands, folder, pid_of
from tests.tasks.web.conftest import Reply, Vendor, serving

__all__ = ["folder"]
RESTART = RestartWebsite()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving() as vendor:
        yield vendor


def site(vendor: Vendor) -> Website:
    return Website(endpoints=(Endpoint(name="health", url=f"{vendor.url}/health"),))


def ill(vendor: Vendor, body: bytes = b'{"status": "down"}') -> None:
    vendor.replies = [Reply(status=503, body=body)] * 3


def test_it_restarts_what_answers_503(vendor: Vendor, folder: Path) -> None:
    service = ApplicationService(**commands(folder))
    ill(vendor)
    plan = RESTART.plan(site(vendor), service)
    assert plan.does == "Restart the application. Its service says that it is stopped."
    assert plan.risk is Risk.MODERATE
    assert plan.evidence[0]["wrong"] == 'answers 503 instead of 200: {"status": "down"}'
    assert RESTART.applied(site(vendor), service, plan) is False
    outcome = RESTART.apply(site(vendor), service, plan)
    assert (outcome.complete, pid_of(folder) > 0) == (True, True)
    assert RESTART.applied(site(vendor), service, plan) is True
    # One that ran before: nobody can tell.
    ill(vendor)
    assert RESTART.applied(site(vendor), service, RESTART.plan(site(vendor), service)) is None


def test_it_proposes_nothing_while_the_website_answers(vendor: Vendor, folder: Path) -> None:
    plan = RESTART.plan(site(vendor), ApplicationService(**commands(folder)))
    assert (plan.commands, plan.does) == ((), "Nothing to restart: the website answers as it should.")


def test_it_leaves_it_alone_where_it_names_another_part_itself(vendor: Vendor, folder: Path) -> None:
    """4-22: the body that `curl -f` hides names the broken part."""
    ill(vendor, b'{"status": "down", "database": "connection refused"}')
    plan = RESTART.plan(site(vendor), ApplicationService(**commands(folder)))
    assert (plan.commands, plan.does) == (
        (),
        "A restart would not help: the application itself names what it misses (database: connection refused).",
    )


def test_it_does_only_what_was_approved(vendor: Vendor, folder: Path) -> None:
    ill(vendor)
    plan = RESTART.plan(site(vendor), ApplicationService(**commands(folder)))
    changed = ApplicationService(**{**commands(folder), "restart": ("true",)})
    with pytest.raises(Refused, match="Approved was"):
        RESTART.apply(site(vendor), changed, plan)
