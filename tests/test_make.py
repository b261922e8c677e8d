"""What `make install` would do, read off make itself: the installation proper takes minutes, and CI does it anyway."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.conftest import needs

ROOT = Path(__file__).parents[1]


def planned(folder: Path) -> list[str]:
    make = needs("make")
    said = subprocess.run([make, "-n", "install"], cwd=folder, capture_output=True, text=True, check=True)
    return said.stdout.splitlines()


def test_a_teams_packages_survive_an_upgrade_and_replace_none_of_ours(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    assert "requirements-team.txt" not in "\n".join(planned(tmp_path))

    (tmp_path / "requirements-team.txt").write_text("tabulate\n")
    lines = planned(tmp_path)

    [cleared] = [n for n, line in enumerate(lines) if "-m venv --clear" in line]
    [frozen] = [n for n, line in enumerate(lines) if "freeze" in line]
    [theirs] = [n for n, line in enumerate(lines) if "-r requirements-team.txt" in line]
    assert cleared < frozen < theirs
    assert "--constraint .venv/ours.txt" in lines[theirs]

    # It counts as installed; then the team needs another package.
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.installed").touch()
    assert not any("-r requirements-team.txt" in line for line in planned(tmp_path))
    newer = (tmp_path / ".venv/.installed").stat().st_mtime + 60
    os.utime(tmp_path / "requirements-team.txt", (newer, newer))
    assert any("-r requirements-team.txt" in line for line in planned(tmp_path))
