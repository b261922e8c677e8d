"""All workflows in files, whole, and made anew from there."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from deployments.lab.n8n import SENDER, Reply, _workflow
from tasks.model import Refused, Verdict
from tasks.n8n.exports import shelf
from tasks.n8n.exports.actions import ExportWorkflows, ImportWorkflows, RestoreWorkflows
from tasks.n8n.exports.checks import (
    check_n8n_exported,
    check_n8n_import_fits,
    check_n8n_imported,
    check_n8n_workflows_there,
)
from tasks.n8n.system import N8n
from tests.tasks.n8n.conftest import StandIn

export, imported = ExportWorkflows(), ImportWorkflows()
exported, fits, is_imported = check_n8n_exported.fn, check_n8n_import_fits.fn, check_n8n_imported.fn


def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def n8n(standin: StandIn, tmp_path: Path) -> N8n:
    return standin.door(exports=tmp_path / "shelf" / "n8n")


def made(n8n: N8n) -> Path:
    assert export.apply(n8n, export.plan(n8n)).complete
    assert n8n.exports is not None
    return n8n.exports / today().isoformat()


def test_it_exports_each_workflow_to_a_file_of_its_own(standin: StandIn, n8n: N8n) -> None:
    folder = made(n8n)
    manifest = json.loads((folder / shelf.MANIFEST).read_text(encoding="utf-8"))
    assert {one["name"] for one in manifest["workflows"]} == {
        one["name"] for one in standin.engine.state["workflows"].values()
    }
    assert all(
        set(json.loads((folder / one["file"]).read_text())) == set(shelf.IMPORTABLE) for one in manifest["workflows"]
    )
    assert exported(n8n).verdict is Verdict.OK
    assert export.plan(n8n).commands == ()


def test_it_follows_the_list_to_its_last_page(standin: StandIn, n8n: N8n, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop that people copy stops after a hundred of a hundred and thirty, and says nothing."""
    monkeypatch.setattr("deployments.lab.n8n.PAGE", 50)
    for number in range(126):
        one = _workflow(f"Workflow {number}", [], {}, known=f"many{number:012}")
        standin.engine.state["workflows"][one["id"]] = one
    folder = made(n8n)
    assert len(list(folder.glob("*.json"))) == 130 + 1


def test_only_its_owner_reads_it(n8n: N8n) -> None:
    folder = made(n8n)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())


def test_it_holds_no_secret_of_a_credential(n8n: N8n) -> None:
    files = "".join(file.read_text(encoding="utf-8") for file in made(n8n).iterdir())
    assert "labDatabase00001" in files
    assert "the-key-that-nobody-may-read" not in files


def test_one_that_breaks_off_leaves_no_export(standin: StandIn, n8n: N8n, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = export.plan(n8n)
    answer = standin.engine.answer

    def breaks(method: str, target: str, key: str, body: bytes) -> Reply:
        return (500, {}) if "cursor" in target else answer(method, target, key, body)

    monkeypatch.setattr("deployments.lab.n8n.PAGE", 2)
    monkeypatch.setattr(standin.engine, "answer", breaks)
    with pytest.raises(Exception, match="in trouble itself"):
        export.apply(n8n, plan)
    assert exported(n8n).says.startswith("There is no export")


@pytest.mark.parametrize(
    ("days", "verdict"), [(6, Verdict.OK), (7, Verdict.WARN), (14, Verdict.WARN), (15, Verdict.BAD)]
)
def test_it_judges_the_newest(standin: StandIn, n8n: N8n, days: int, verdict: Verdict) -> None:
    assert n8n.exports is not None
    shelf.write(n8n.exports, today() - timedelta(days=days), standin.engine.state["workflows"].values())
    shelf.write(n8n.exports, today() - timedelta(days=40), [])
    assert exported(n8n).verdict is verdict


def test_a_file_that_was_changed_is_found(n8n: N8n) -> None:
    folder = made(n8n)
    file = next(folder.glob("Unipile*.json"))
    file.write_text(file.read_text().replace("Send by Unipile", "Send by mistake"))
    found = exported(n8n)
    assert found.verdict is Verdict.BAD
    assert "not what was exported" in found.says
    with pytest.raises(Refused, match="not what was exported"):
        imported.plan(n8n, day=today().isoformat())


def test_it_makes_anew_exactly_what_is_not_there_and_inactive(standin: StandIn, n8n: N8n) -> None:
    made(n8n)
    day = today().isoformat()
    gone = standin.of(SENDER)
    before = dict(standin.engine.state["workflows"])
    del standin.engine.state["workflows"][gone]
    assert is_imported(n8n, day).says == "1 of 4 exported workflows are not in n8n."
    assert fits(n8n, day).says.endswith("1 of them are not in n8n.")
    plan = imported.plan(n8n, day=day)
    assert [planned.target["file"] for planned in plan.commands] == [f"Unipile-Sender-{gone}.json"]
    assert not imported.applied(n8n, plan, day=day)
    outcome = imported.apply(n8n, plan, day=day)
    assert outcome.rows[0]["was active"] is True
    assert imported.applied(n8n, plan, day=day)
    back = standin.engine.state["workflows"][standin.of(SENDER)]
    assert (back["active"], back["nodes"]) == (False, before[gone]["nodes"])
    # A second run makes no second one.
    assert imported.plan(n8n, day=day).commands == ()
    assert len(imported.apply(n8n, plan, day=day).not_done) == 1
    assert len(standin.engine.state["workflows"]) == 4
    assert is_imported(n8n, day).verdict is Verdict.OK


def test_what_n8n_lost_comes_back_from_the_newest_export(standin: StandIn, n8n: N8n) -> None:
    """Nobody has to know its day at three in the morning; the days before it are left alone."""
    folder = made(n8n)
    shutil.copytree(folder, folder.with_name("2026-01-02"))
    assert check_n8n_workflows_there.fn(n8n).verdict is Verdict.OK
    standin.engine.state["workflows"].clear()
    lost = check_n8n_workflows_there.fn(n8n)
    assert (lost.verdict, lost.says) == (Verdict.BAD, "4 of 4 exported workflows are not in n8n.")
    restore = RestoreWorkflows()
    plan = restore.plan(n8n)
    assert {planned.target["day"] for planned in plan.commands} == {today().isoformat()}
    assert restore.applied(n8n, plan) is False
    assert restore.apply(n8n, plan).complete
    assert restore.applied(n8n, plan) is True
    assert check_n8n_workflows_there.fn(n8n).verdict is Verdict.OK
    assert not any(one["active"] for one in standin.engine.state["workflows"].values())


def test_without_an_export_nothing_is_missed(n8n: N8n) -> None:
    with pytest.raises(Refused, match="There is no export of n8n's workflows"):
        check_n8n_workflows_there.fn(n8n)


def test_a_key_that_makes_no_workflows_is_told_before(standin: StandIn, n8n: N8n) -> None:
    made(n8n)
    standin.allow("looks", ["workflow:list"])
    assert fits(standin.door(key="looks", exports=n8n.exports), today().isoformat()).verdict is Verdict.BAD


@pytest.mark.parametrize("day", ["", "2026-13-01", "../../etc", "2026-11-29/.."])
def test_a_day_is_a_day(n8n: N8n, day: str) -> None:
    with pytest.raises(Refused, match="is no day"):
        imported.plan(n8n, day=day)


@pytest.mark.parametrize("file", ["../secret.json", "/etc/passwd", "a/b.json", "x.txt"])
def test_a_manifest_that_leads_elsewhere_is_refused(n8n: N8n, file: str) -> None:
    folder = made(n8n)
    manifest = folder / shelf.MANIFEST
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["workflows"][0]["file"] = file
    manifest.write_text(json.dumps(told), encoding="utf-8")
    assert exported(n8n).verdict is Verdict.BAD


def test_a_link_in_place_of_a_file_is_not_followed(n8n: N8n, tmp_path: Path) -> None:
    folder = made(n8n)
    file = next(folder.glob("Unipile*.json"))
    elsewhere = tmp_path / "elsewhere.json"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert exported(n8n).verdict is Verdict.BAD


def test_nobody_said_where(standin: StandIn) -> None:
    with pytest.raises(Refused, match="Nobody has said where"):
        export.plan(standin.door())
