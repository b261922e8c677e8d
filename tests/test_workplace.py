"""The tests clean up after themselves, and after a run that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.workplace import sweep

ROOT = Path(__file__).parents[1]


def test_a_run_that_is_no_more_leaves_nothing_and_a_living_one_everything(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        pass
    alive = os.getppid()
    for name in (f"incident-run-{gone.pid}", f"incident-run-{alive}", "incident-run-of-a-person", "someone-else"):
        (tmp_path / name / "inside").mkdir(parents=True)

    assert [folder.name for folder in sweep(tmp_path)] == [f"incident-run-{gone.pid}"]

    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted(
        [f"incident-run-{alive}", "incident-run-of-a-person", "someone-else"]
    )


def test_all_processes_of_a_run_share_its_folder_which_goes_with_it() -> None:
    here = Path(tempfile.gettempdir())
    assert here.name.startswith("incident-run-"), here

    assert _settled(os.environ) == here

    other = _settled({name: value for name, value in os.environ.items() if name != "TMPDIR"})
    assert other.name.startswith("incident-run-")
    assert other != here
    assert not other.exists()


def _settled(environment: Mapping[str, str]) -> Path:
    command = [sys.executable, "-c", "from tests.workplace import settle; print(settle())"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())
