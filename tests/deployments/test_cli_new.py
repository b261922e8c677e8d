"""A team's own folder from nothing: begun by `incident new`, checked without a system, typed, tested, with pages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deployments.terminal import Shell

TEAM = """
[team]
runbooks = "ops/runbooks"
systems = "ops/systems"

[environments.staging]
kind = "staging"

[environments.staging.systems.crm]
url = "https://crm.example.com"
token = "${CRM_TOKEN}"

[environments.staging.systems.postgres]
url = "${NOBODY_SET_THIS}"

[environments.staging.approvers.drill]
roles = ["on-call", "senior"]
drill = true
"""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a system and a runbook as they are written."""
    folder = tmp_path_factory.mktemp("team")
    shell = Shell(folder / "home", folder)
    (folder / "environments.toml").write_text(TEAM)
    for command in (["system", "crm"], ["runbook", "mail/bounces-rise"]):
        said = shell("new", *command)
        assert said.returncode == 0, said.stderr
    return folder


@pytest.fixture
def shell(begun: Path, tmp_path: Path) -> Shell:
    """A copy of it, to be spoilt."""
    shutil.copytree(begun, tmp_path / "copy")
    return Shell(tmp_path / "home", tmp_path / "copy")


def run(folder: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_what_it_writes_is_in_order(shell: Shell) -> None:
    said = shell("check")
    assert said.returncode == 0, said.stdout + said.stderr
    [team] = shell.json("check")["team"]
    assert team["says"].startswith("2 of ")
    [staging] = shell.json("check")["staging"]
    assert staging["says"] == "staging is in order. Not read, because not set here: CRM_TOKEN, NOBODY_SET_THIS."
    assert {entry["slug"] for entry in shell.json("runbooks")} >= {"crm/jobs-fail", "mail/bounces-rise"}


def test_its_tests_pass_and_its_types_fit_ours(shell: Shell) -> None:
    """As the README says, with no other flags."""
    ops = shell.folder / "ops"
    tested = run(ops, "pytest", "-q", "-p", "no:cacheprovider", "tests", PYTHONPATH="systems")
    assert tested.returncode == 0, tested.stdout
    typed = run(ops, "mypy", "--strict", "systems", "runbooks", "tests", MYPYPATH="systems")
    assert typed.returncode == 0, typed.stdout
    wrong = ops / "systems/crm/checks.py"
    wrong.write_text(wrong.read_text().replace('crm.jobs("failed")', "crm.jobs(3)"))
    assert (
        'has incompatible type "int"; expected "str"'
        in run(ops, "mypy", "--strict", "systems", MYPYPATH="systems").stdout
    )


def test_it_overwrites_nothing(shell: Shell) -> None:
    before = {file: file.read_bytes() for file in shell.folder.rglob("*.py")}
    again = shell("new", "system", "crm")
    assert (again.returncode, "choose another" in again.stderr) == (2, True)
    known = shell("new", "runbook", "mail/bounces-rise")
    assert (known.returncode, "there is such a runbook already" in known.stderr) == (2, True)
    (shell.folder / "ops/tests/test_erp.py").write_text("# mine")
    mine = shell("new", "system", "erp")
    assert mine.returncode == 1
    assert "Nothing was written, because this is there already: " in mine.stderr
    assert not (shell.folder / "ops/systems/erp").exists()
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["system", "http"], "of that name; choose another"),
        (["system", "postgres"], "of that name; choose another"),
        (["system", "../x"], "write one word"),
        (["runbook", "bounces"], "write CATEGORY/PROBLEM"),
    ],
)
def test_it_refuses_a_name_that_would_not_work(shell: Shell, command: list[str], words: str) -> None:
    said = shell("new", *command)
    assert (said.returncode, words in " ".join(said.stderr.split())) == (2, True)


def test_it_says_what_to_add_where_no_folder_is_named(tmp_path: Path) -> None:
    said = Shell(tmp_path / "home", tmp_path)("new", "system", "crm")
    assert said.returncode == 1
    assert '[team]\nrunbooks = "ops/runbooks"\nsystems = "ops/systems"\n' in said.stderr
    assert list(tmp_path.iterdir()) == []


SPOILT = [
    ("ops/systems/crm/system.py", "token: SecretStr", "1 / 0", "(systems/crm/system.py, line 24)"),
    ("ops/runbooks/mail/bounces_rise.py", "when=check_can_connect, ", "", "waits for no check"),
    ("environments.toml", "https://crm", "crm", "environments.staging.systems.crm.url: must be "),
    ("environments.toml", "drill = true", "dril = true", "Did you mean 'drill'?"),
    ("environments.toml", "systems.crm]", "systems.cmr]", "no system of type 'cmr'"),
]


@pytest.mark.parametrize(("place", "written", "instead", "said"), SPOILT)
def test_its_check_finds_what_is_wrong_without_a_secret(
    shell: Shell, place: str, written: str, instead: str, said: str
) -> None:
    file = shell.folder / place
    assert written in file.read_text()
    file.write_text(file.read_text().replace(written, instead))
    found = shell("check")
    assert found.returncode == 1
    assert said in " ".join(found.stdout.split())


def test_it_writes_the_teams_pages_and_leaves_what_a_person_wrote(shell: Shell) -> None:
    index = shell.folder / "ops/runbooks/README.md"
    index.write_text("# Mine\n")
    refused = shell("pages")
    assert (refused.returncode, "because a person wrote" in refused.stderr) == (1, True)
    assert (index.read_text(), (index.parent / "crm/jobs_fail.md").exists()) == ("# Mine\n", False)
    assert shell("check").returncode == 0, "whoever has no pages needs none"

    index.unlink()
    assert shell("pages").returncode == 0
    assert "# Jobs of the crm fail" in (index.parent / "crm/jobs_fail.md").read_text()
    assert shell("pages").stdout == "Every page is as its runbook.\n"

    runbook = index.parent / "crm/jobs_fail.py"
    runbook.write_text(runbook.read_text().replace("nobody does their work", "nobody notices"))
    stale = shell("check")
    assert stale.returncode == 1
    assert "crm/jobs_fail.md differs from its runbook. Run `incident pages`." in " ".join(stale.stdout.split())
