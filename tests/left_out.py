"""What `make test` leaves out: the long proofs of what a short one proves already. CI runs everything.

    @pytest.mark.strict("Why the short proof is enough for a start.")

stands where it is decided: at a test, a file or one set of parameters. With `keeps=2`, a test's first two sets of
parameters run all the same.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

import pytest

# Everything, as CI asks for it: nothing is left out, and a missing tool must not hide behind a skipped test.
STRICT = os.environ.get("INCIDENT_STRICT") == "1"
IN_CI = " (INCIDENT_STRICT=1 runs it)"
# A rule that is broken by all examples is seen with these already; CI looks for the one that breaks it.
FEW = 5


def leave_out(items: Iterable[pytest.Item]) -> None:
    """Skip what is marked as strict, saying why."""
    kept: Counter[str] = Counter()
    for item in items:
        mark = item.get_closest_marker("strict")
        if mark is None:
            continue
        why, keeps = read(mark)
        test = item.nodeid.partition("[")[0]
        kept[test] += 1
        if kept[test] > keeps:
            item.add_marker(pytest.mark.skip(reason=why + IN_CI))


def read(mark: pytest.Mark) -> tuple[str, int]:
    """The reason, and how many sets of parameters run all the same."""
    if len(mark.args) != 1 or not str(mark.args[0]).endswith(".") or mark.kwargs.keys() - {"keeps"}:
        raise pytest.UsageError(f"{mark}: say in one sentence why the short proof is enough; only `keeps` may follow.")
    return str(mark.args[0]), int(mark.kwargs.get("keeps", 0))


def runs(item: pytest.Item) -> bool:
    """Is it not skipped from the outset?"""
    return item.get_closest_marker("skip") is None


def examples(strictly: int) -> int:
    """How many examples Hypothesis tries."""
    return strictly if STRICT else min(FEW, strictly)
