"""Both ways to look at the processes tell the same."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from deployments import process_table
from deployments.process_table import Process
from tests.conftest import needs


@pytest.mark.parametrize("look", [process_table._from_proc, process_table._from_ps])
def test_it_sees_a_child_and_what_it_runs(look: Callable[[], Iterator[Process]]) -> None:
    needs("/bin/ps")
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            assert Process(child.pid, os.getpid(), False, "sleep 600") in set(look())
            assert child.pid in process_table.descendants(os.getpid())
        finally:
            child.kill()
