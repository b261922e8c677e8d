"""`incident audit` by hand: sealed here, verified elsewhere, and what it says of a record that was changed."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from flows.journal import AnchorFile
from flows.journal.migrate import migrate
from flows.keepers.seal import seal_and_anchor
from tests.conftest import Server
from tests.deployments.terminal import Shell
from tests.flows.journal.conftest import Roles, roles_on
from tests.flows.raw import Raw


@pytest.fixture
def roles(postgres18: Server) -> Iterator[Roles]:
    with roles_on(postgres18) as found:
        migrate(found.owner_url, found.runner)
        with found.journal().hold("inc-1") as log:
            for n in range(3):
                log.append("engine", f"n{n}", Raw("note", {"n": n}))
        yield found


@pytest.fixture
def shell(tmp_path: Path, roles: Roles, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A folder with nothing but a configuration that names a place for anchors."""
    (tmp_path / "environments.toml").write_text('[record]\nanchors = ["elsewhere.jsonl"]\n')
    monkeypatch.setattr("tests.deployments.terminal.FOREIGN", ("PREFECT_", "NO_COLOR", "FORCE_COLOR", "COLUMNS"))
    monkeypatch.setenv("INCIDENT_JOURNAL_URL", roles.runner_url)
    monkeypatch.setenv("INCIDENT_CONFIG", str(tmp_path / "environments.toml"))
    return Shell(tmp_path / "home", tmp_path)


def test_it_seals_exports_and_verifies(shell: Shell, tmp_path: Path) -> None:
    assert "which the next one covers: 3." in shell("audit", "verify").stdout
    said = shell("audit", "seal")
    assert (said.returncode, "Seal 1: 1 incident grew" in said.stdout) == (0, True), said.stderr
    assert "is anchored in" in said.stdout
    assert shell("audit", "seal").stdout == "Nothing was written since the last seal.\n"

    here = shell("audit", "verify")
    assert (here.returncode, here.stderr) == (0, "")
    assert here.stdout == "Entries: 3. Incidents: 1. Seals: 1. Anchors: 1. Everything is what was written.\n"

    assert shell("audit", "export", "--to", "record.jsonl").returncode == 0
    file = tmp_path / "record.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shell("audit", "export").stdout == file.read_text(encoding="utf-8")
    again = shell("audit", "export", "--to", "record.jsonl")
    assert (again.returncode, "exists already" in again.stderr) == (1, True)


def test_it_needs_nothing_but_the_file_to_verify_an_export(shell: Shell, tmp_path: Path) -> None:
    shell("audit", "seal")
    shell("audit", "export", "--to", "record.jsonl")
    far = tmp_path / "far"
    far.mkdir()
    (far / "record.jsonl").write_text((tmp_path / "record.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    bare = Shell(far / "home", far)
    nothing = {"INCIDENT_JOURNAL_URL": "postgresql://nobody@127.0.0.1:1/none", "INCIDENT_CONFIG": "/nowhere"}

    assert bare("audit", "verify", "record.jsonl", **nothing).returncode == 0
    told = json.loads(bare("audit", "verify", "record.jsonl", "--json", **nothing).stdout)
    assert (told["entries"], told["incidents"], told["seals"], told["complaints"]) == (3, 1, 1, [])

    lines = (far / "record.jsonl").read_text(encoding="utf-8").replace('"actor":"engine"', '"actor":"mallory"', 1)
    (far / "record.jsonl").write_text(lines, encoding="utf-8")
    changed = bare("audit", "verify", "record.jsonl", **nothing)
    assert changed.returncode == 1
    assert changed.stderr.startswith("inc-1: Entry 1 (note, ")
    (far / "record.jsonl").write_text(lines[: len(lines) // 2], encoding="utf-8")
    cut = bare("audit", "verify", "record.jsonl", **nothing)
    assert (cut.returncode, "Traceback" in cut.stderr) == (1, False)


def test_it_finds_an_older_backup_by_the_anchor_kept_elsewhere(shell: Shell, roles: Roles) -> None:
    shell("audit", "seal")
    with psycopg.connect(roles.admin_url) as admin:
        for table in ("entries", "heads", "seals"):
            admin.execute(f"ALTER TABLE incident.{table} DISABLE TRIGGER ALL".encode())
            admin.execute(f"TRUNCATE incident.{table}".encode())
    said = shell("audit", "verify")
    assert said.returncode == 1
    assert "an older backup was restored" in said.stderr


def test_it_compares_with_what_a_message_said(shell: Shell, roles: Roles) -> None:
    [seal] = roles.journal().seal()
    assert shell("audit", "verify", "--anchor", f"{seal.seal}:{seal.hash}").returncode == 0
    # Reading --anchor s3://… needs a key; what else is there is compared all the same.
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    said = shell("audit", "verify", "--anchor", "s3://elsewhere", "--anchor", f"1:{'a' * 64}", **nowhere)
    assert "s3://elsewhere: Could not connect to the endpoint URL" in said.stderr
    assert (said.returncode, "seal 1: The seal of" in said.stderr) == (1, True), said.stderr


def test_it_tries_a_place_again_that_could_not_be_written(roles: Roles, tmp_path: Path) -> None:
    place = tmp_path / "not-there" / "anchors.jsonl"
    journal = roles.journal()
    said: list[str] = []
    assert len(seal_and_anchor(journal, [AnchorFile(place)], said.append)) == 1
    assert said[0].startswith(f"Seal 1 could not be anchored in {place}")
    place.parent.mkdir()
    assert seal_and_anchor(journal, [AnchorFile(place)], said.append) == []
    assert said[1:] == [f"Seal 1 is anchored in {place}."]
    assert seal_and_anchor(journal, [AnchorFile(place)], said.append) == []
    assert len(place.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense\n", "line 1: no anchor"),
        ('{"seal": 1, "hash": "a"}\n{"seal": 1, "hash": "b"}\n', "line 2: seal 1 was anchored with another hash"),
    ],
)
def test_it_says_what_is_wrong_with_the_anchors(shell: Shell, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "elsewhere.jsonl").write_text(text)
    said = shell("audit", "verify")
    assert (said.returncode, says in said.stderr) == (1, True), said.stderr
