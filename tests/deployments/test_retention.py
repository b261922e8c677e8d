"""`incident audit retire` and `remove` by hand: old incidents go, and everybody can see where they went."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.journal.migrate import migrate
from tests.conftest import Server
from tests.deployments.terminal import Shell
from tests.flows.journal.conftest import Roles, roles_on
from tests.flows.journal.old import old_incident
from tests.flows.raw import Raw


@pytest.fixture
def roles(postgres18: Server) -> Iterator[Roles]:
    with roles_on(postgres18) as found:
        migrate(found.owner_url, found.runner)
        old_incident(found, "inc-old")
        with found.journal().hold("inc-new") as log:
            log.append("engine", "opened", Raw("opened", {"runbook": "house/dark-room", "environment": "room"}))
        yield found


@pytest.fixture
def shell(tmp_path: Path, roles: Roles, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A folder with a configuration that names a place for anchors."""
    (tmp_path / "environments.toml").write_text('[record]\nanchors = ["elsewhere.jsonl"]\n')
    monkeypatch.setattr("tests.deployments.terminal.FOREIGN", ("PREFECT_", "NO_COLOR", "FORCE_COLOR", "COLUMNS"))
    monkeypatch.setenv("INCIDENT_JOURNAL_URL", roles.runner_url)
    monkeypatch.setenv("INCIDENT_CONFIG", str(tmp_path / "environments.toml"))
    monkeypatch.delenv("INCIDENT_JOURNAL_OWNER_URL", raising=False)
    return Shell(tmp_path / "home", tmp_path)


def test_it_retires_and_removes_and_says_so(shell: Shell, tmp_path: Path, roles: Roles) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    owner = {"INCIDENT_JOURNAL_OWNER_URL": roles.owner_url}

    unsaid = shell("audit", "retire", "--to", "exports")
    assert (unsaid.returncode, "write keep_days = 400 under [record]" in unsaid.stderr) == (1, True), unsaid.stderr
    (tmp_path / "environments.toml").write_text('[record]\nanchors = ["elsewhere.jsonl"]\nkeep_days = 400\n')
    said = shell("audit", "retire", "--to", "exports")
    assert said.returncode == 0, said.stderr
    [file] = exports.iterdir()
    assert f"{Path('exports', file.name)}: 1 incident retired; sha256 " in said.stdout

    nobody = shell("audit", "remove", "--exports", "exports", "--yes")
    assert (nobody.returncode, "INCIDENT_JOURNAL_OWNER_URL is not set" in nobody.stderr) == (1, True)
    runner = shell("audit", "remove", "--exports", "exports", INCIDENT_JOURNAL_OWNER_URL=roles.runner_url)
    assert (runner.returncode, f"{roles.runner} may remove nothing" in runner.stderr) == (1, True)
    shown = shell("audit", "remove", "--exports", "exports", "--older-than", "400d", **owner)
    assert shown.stdout == "Would be removed by --yes: 1 retired incident, 4 entries.\n", shown.stderr
    done = shell("audit", "remove", "--exports", "exports", "--measurements", "--yes", **owner)
    assert done.stdout == (
        "Removed: 1 retired incident, 4 entries. Their tombstones stay.\nRemoved: 0 measurements.\n"
    ), done.stderr

    whole = shell("audit", "verify", "--exports", "exports")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "Retired, of which only a sealed tombstone is left: 1." in whole.stdout
    assert "Retired and removed: 1. `incident timeline ID` says which" in shell("timeline").stdout
    one = shell("timeline", "inc-old")
    assert (one.returncode, f"retired: its 4 entries are in {file.name}, sha256" in one.stdout) == (0, True)
    assert "Entries 1 to 4 were retired and removed; that export holds them." in one.stdout
    assert "was retired" in shell("timeline", "inc-old", "--post-mortem").stderr

    file.write_text(file.read_text(encoding="utf-8").replace("note 1", "note 7", 1), encoding="utf-8")
    altered = shell("audit", "verify", "--exports", "exports")
    assert (altered.returncode, "is not the export that was made" in altered.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("retire", "--to", "exports", "--older-than", "1h"), "a day is the least"),
        (("retire", "--to", "nowhere", "--older-than", "400d"), "nowhere is no folder"),
    ],
)
def test_it_says_what_it_needs(shell: Shell, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    (tmp_path / "exports").mkdir()
    said = shell("audit", *arguments)
    assert (said.returncode > 0, says in said.stderr) == (True, True), said.stderr
