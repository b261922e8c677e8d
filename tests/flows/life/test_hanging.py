"""Everything that `application/down` asks hangs: is it over in time, and does the answer say what hangs?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from flows.life.chain import first_broken
from flows.life.diagnose import AT_ONCE, answer
from runbooks.catalog import Catalog
from runbooks.model import AnyCheck, Runbook
from tasks.check import check
from tasks.docker.system import Docker
from tasks.environment import Environment, Kind
from tasks.kept import one_round
from tasks.model import Finding, Verdict
from tasks.postgres.system import PostgresServer
from tasks.redis.system import Redis
from tasks.together import WITHIN_S
from tasks.vercel.system import Vercel
from tasks.website.system import Endpoint, Website
from tests.tasks.website.authorities import mute

# On a quiet machine ten seconds in all. A question that was asked twice would take eight more: what a busy machine adds
# to twelve of Prefect's runs is less.
BESIDE_S = 3.0
HANGS = ("website_names", "containers", "can_connect", "redis_answers", "fell_with_deployment", "website_answers")


def silent(port: int) -> Environment:
    """Each system is there, takes the call, and never says a word."""
    endpoints = (
        Endpoint(name="home", url=f"https://shop.example.test:{port}/"),
        Endpoint(name="health", url=f"https://127.0.0.1:{port}/health"),
    )
    return Environment(
        name="shop",
        kind=Kind.LAB,
        systems={
            "docker": Docker(url=f"tcp://127.0.0.1:{port}", project="shop"),
            "website": Website(endpoints=endpoints, resolvers=(f"127.0.0.1:{port}",)),
            "postgres": PostgresServer(url=SecretStr(f"postgresql://app:secret@127.0.0.1:{port}/app")),
            "redis": Redis(host="127.0.0.1", port=port),
            "platform": Vercel(url=f"http://127.0.0.1:{port}", token=SecretStr("token"), project="web"),
        },
    )


@check
def check_waits() -> Finding:
    """How long is as long as any question may wait?"""
    time.sleep(WITHIN_S)
    return Finding(verdict=Verdict.OK, says="It is over.")


def asked_at_once(checks: Sequence[AnyCheck], place: Environment) -> tuple[list[Finding], float]:
    """As flows/life/diagnose.py asks, with Prefect's own retries; and the seconds it took."""
    from prefect import flow
    from prefect.task_runners import ThreadPoolTaskRunner

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE))  # type: ignore[arg-type]
    def ask() -> Any:
        began = time.monotonic()
        with one_round():
            futures = [one.task(place).submit() for one in checks]
            found = [answer(one, f.result(raise_on_failure=False)) for one, f in zip(checks, futures, strict=True)]
        return found, time.monotonic() - began

    told: Any = ask()
    found, took_s = told
    return found, took_s


@pytest.mark.usefixtures("prefect_server")
def test_it_is_over_in_ten_seconds_and_names_what_hangs() -> None:
    # What a first use imports is no part of it: a run's process has it already.
    import docker  # noqa: F401
    import psycopg  # noqa: F401
    import redis  # noqa: F401

    runbook = Catalog.load().get("application/down").runbook
    assert isinstance(runbook, Runbook)
    assert len(runbook.diagnosis) == 12
    with mute() as port:
        place = silent(port)
        # The same number of questions that just wait: what a busy machine adds, it adds to both.
        _, waiting_s = asked_at_once([check_waits] * len(runbook.diagnosis), place)
        answers, took_s = asked_at_once(runbook.diagnosis, place)
    found = dict(zip(runbook.diagnosis, answers, strict=True))
    told = {asked.name.removeprefix("check_"): one for asked, one in found.items()}
    assert {name: told[name].verdict for name in HANGS if told[name].verdict < Verdict.UNKNOWN} == {}
    assert "did not let us connect within" in told["can_connect"].says
    assert "Read timed out" in told["containers"].says
    says = first_broken(runbook, found, place)
    assert says.startswith("The first broken link (can connect): We cannot connect: 127.0.0.1:")
    assert "Before it, these could not be looked at: website names, website certificates, containers." in says
    assert took_s < waiting_s + BESIDE_S
