"""Run a state machine of Hypothesis: the same histories every time, printed as they were met."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.left_out import examples


def live_through(machine: Callable[[], RuleBasedStateMachine], *, histories: int, steps: int) -> None:
    """So many histories of at most so many steps; the first that breaks a rule or an assertion fails the test.

    `make test` lives through the first of them only.
    """
    run_state_machine_as_test(
        cast(Any, machine),
        settings=settings(
            max_examples=examples(histories),
            stateful_step_count=steps,
            # Another history belongs on a desk, not into somebody's merge.
            derandomize=True,
            database=None,
            # Shrinking takes minutes, each history being a database of its own.
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
