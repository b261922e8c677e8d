"""Prefect's own loops (the scheduler, the marker of late runs, …): does each still come round, and without failing?

A round that fails is a line in the server's log, and the server goes on answering that it is healthy: with Prefect
3.8.8 on SQLAlchemy 2.1 the scheduler failed once a minute, for ever, and nobody heard of it. So every round is counted
here, in the server's process, and told at `/api/incident/loops` to those whom Prefect's own API lets in.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

PATH = "/incident/loops"
LINE_END = "\n"
# One line as people read it; what follows in SQLAlchemy's errors are the statement and its values.
LONGEST = 300


@dataclass
class Loop:
    """One loop of Prefect's. `failed` counts the rounds that failed since the last one that did not."""

    service: str
    every_s: float
    failed: int = 0
    says: str = ""
    # By a clock nobody sets. Before the first round it is the server's start.
    ended: float = 0.0

    def body(self) -> dict[str, str | int | float]:
        return {
            "service": self.service,
            "every_s": self.every_s,
            "failed": self.failed,
            "ended_s_ago": time.monotonic() - self.ended,
            "says": self.says,
        }


def count_rounds() -> list[Loop]:
    """From now on count the rounds of every loop this server will run. To be called before the server starts."""
    from docket import Perpetual
    from docket.dependencies import get_single_dependency_parameter_of_type
    from prefect.server.services.perpetual_services import get_enabled_perpetual_services

    loops = []
    for service in get_enabled_perpetual_services():
        perpetual = get_single_dependency_parameter_of_type(service.function, Perpetual)
        if perpetual is None:  # Prefect does not start such a one
            continue
        loop = Loop(service.function.__name__, perpetual.every.total_seconds(), ended=time.monotonic())
        service.function = _counted(service.function, loop)
        loops.append(loop)
    return loops


def _counted(one_round: Callable[..., Awaitable[None]], loop: Loop) -> Callable[..., Awaitable[None]]:
    # Prefect finds name and parameters of the original through `wraps`.
    @functools.wraps(one_round)
    async def counted(*arguments: Any, **named: Any) -> None:
        try:
            await one_round(*arguments, **named)
        except Exception as error:
            loop.failed += 1
            loop.says = f"{type(error).__name__}: {str(error).partition(LINE_END)[0]}"[:LONGEST]
            raise
        else:
            loop.failed, loop.says = 0, ""
        finally:
            loop.ended = time.monotonic()

    return counted


def tell_loops(app: FastAPI) -> None:
    """Count the rounds, and tell them at PATH of Prefect's API in `app`."""
    loops = count_rounds()

    async def told() -> list[dict[str, str | int | float]]:
        return [loop.body() for loop in loops]

    # On the API itself, so that a login, if there is one, is asked for.
    app.api_app.add_api_route(PATH, told, include_in_schema=False)  # type: ignore[attr-defined]  # Prefect sets it
