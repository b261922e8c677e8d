"""Evidence is kept once and to the byte, by whom and when is written down, and whoever changes it is found out."""

from __future__ import annotations

import dataclasses
import fcntl
import gzip
import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from tasks.evidence import custody
from tasks.evidence.actions import KeepEvidence, RemoveEvidence
from tasks.evidence.checks import check_evidence_kept
from tasks.evidence.system import EvidenceFolder
from tasks.logs.system import LogFile, Logs
from tasks.model import CannotLook, Outcome, Plan, Refused, Verdict

ACTION = KeepEvidence()


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    for name in ("api", "ssh"):
        (tmp_path / f"{name}.log").write_text(f"2026-11-29 10:00:00 {name} failed password\n" * 50)
    return Logs(files=tuple(LogFile(service=name, path=tmp_path / f"{name}.log") for name in ("api", "ssh")))


@pytest.fixture
def evidence(tmp_path: Path) -> EvidenceFolder:
    return EvidenceFolder(folder=tmp_path / "evidence", most_bytes=2**16)


def kept(logs: Logs, evidence: EvidenceFolder) -> tuple[Plan, Outcome]:
    plan = ACTION.plan(logs, evidence)
    return plan, ACTION.apply(logs, evidence, plan)


def copies(evidence: EvidenceFolder) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(evidence.folder.glob("*.log"))}


def test_it_keeps_every_log_to_the_byte_and_touches_none(logs: Logs, evidence: EvidenceFolder) -> None:
    before = {log.path: (log.path.read_bytes(), log.path.stat().st_mtime_ns) for log in logs.files}
    assert check_evidence_kept.fn(logs, evidence).verdict is Verdict.WARN
    plan = ACTION.plan(logs, evidence)
    assert not evidence.folder.exists()  # a plan only reads
    ACTION.mandate.refuse_beyond(plan) if ACTION.mandate else pytest.fail("no mandate")
    assert ACTION.applied(logs, evidence, plan) is False
    outcome = ACTION.apply(logs, evidence, plan)
    assert ACTION.applied(logs, evidence, plan) is True
    assert outcome.says.startswith("2 files kept in ")
    assert sorted(copies(evidence).values()) == sorted(content for content, _ in before.values())
    assert {str(row["sha256"]) for row in outcome.rows} == {
        hashlib.sha256(content).hexdigest() for content, _ in before.values()
    }
    assert {log.path: (log.path.read_bytes(), log.path.stat().st_mtime_ns) for log in logs.files} == before
    assert check_evidence_kept.fn(logs, evidence).verdict is Verdict.OK


def test_only_its_owner_may_read_it_and_nobody_may_write(logs: Logs, evidence: EvidenceFolder) -> None:
    kept(logs, evidence)
    assert stat.S_IMODE(evidence.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in evidence.folder.glob("*.log")} == {0o400}
    evidence.folder.chmod(0o755)
    with pytest.raises(Refused, match="Others may read"):
        kept(logs, evidence)


def test_it_says_who_when_and_from_where(logs: Logs, evidence: EvidenceFolder) -> None:
    kept(logs, evidence)
    first, second = evidence.records()
    assert first["path"] == str(logs.files[0].path)
    assert str(os.getpid()) in first["by"]
    assert first["before"] == "0" * 64
    line = (evidence.folder / custody.BOOK).read_bytes().splitlines()[0]
    assert second["before"] == hashlib.sha256(line).hexdigest()


def test_the_same_content_is_kept_once_and_an_undo_leaves_what_others_kept(
    logs: Logs, evidence: EvidenceFolder
) -> None:
    kept(logs, evidence)
    there = copies(evidence)
    plan, outcome = kept(logs, evidence)
    assert copies(evidence) == there
    assert [one.get("seen_again") for one in evidence.records()[2:]] == [row["file"] for row in outcome.rows]
    undo = ACTION.undoing(plan, outcome)
    assert isinstance(undo, RemoveEvidence)
    assert undo.copies == ()


def test_what_was_written_meanwhile_is_kept_beside_it(logs: Logs, evidence: EvidenceFolder) -> None:
    kept(logs, evidence)
    with logs.files[0].path.open("a") as file:
        file.write("more\n")
    kept(logs, evidence)
    assert len(copies(evidence)) == 3


def test_what_was_turned_away_today_belongs_to_it_and_older_does_not(logs: Logs, evidence: EvidenceFolder) -> None:
    path = logs.files[0].path
    path.with_name("api.log.1").write_text("yesterday\n")
    with gzip.open(path.with_name("api.log.2.gz"), "wt") as file:
        file.write("the day before\n")
    old = path.with_name("api.log.3")
    old.write_text("long ago\n")
    os.utime(old, (1, 1))
    _, outcome = kept(logs, evidence)
    of_api = [str(row["path"]) for row in outcome.rows if row["service"] == "api"]
    assert sorted(Path(one).name for one in of_api) == ["api.log", "api.log.1", "api.log.2.gz"]
    packed = path.with_name("api.log.2.gz").read_bytes()
    assert packed in copies(evidence).values()


def test_of_a_large_log_the_newest_part_is_kept_and_said(logs: Logs, evidence: EvidenceFolder) -> None:
    path = logs.files[0].path
    path.write_bytes(b"old\n" * 20_000 + b"new\n" * 10_000)
    plan, outcome = kept(logs, evidence)
    assert "of which the newest 64.0 KiB" in str(plan.evidence[0]["is"])
    row = outcome.rows[0]
    assert (row["bytes"], row["skipped"]) == (2**16, 120_000 - 2**16)
    assert copies(evidence)[str(row["file"])] == path.read_bytes()[-(2**16) :]


def test_a_log_that_is_gone_does_not_keep_the_others_from_being_kept(logs: Logs, evidence: EvidenceFolder) -> None:
    plan = ACTION.plan(logs, evidence)
    logs.files[0].path.unlink()
    outcome = ACTION.apply(logs, evidence, plan)
    assert not outcome.complete
    assert "Not kept: " in outcome.says
    assert len(copies(evidence)) == 1
    assert "1 cannot be read" in ACTION.plan(logs, evidence).does
    logs.files[1].path.unlink()
    with pytest.raises(Refused, match="None of the logs can be read"):
        ACTION.plan(logs, evidence)


def test_it_copies_no_other_file_than_a_log_of_this_environment(logs: Logs, evidence: EvidenceFolder) -> None:
    plan = ACTION.plan(logs, evidence)
    told = dataclasses.replace(plan.commands[0], target={"service": "api", "mark": "0" * 12})
    with pytest.raises(Refused, match="is no log of this environment"):
        ACTION.apply(logs, evidence, dataclasses.replace(plan, commands=(told,)))


def test_a_copy_that_was_killed_half_way_is_begun_again(logs: Logs, evidence: EvidenceFolder) -> None:
    plan = ACTION.plan(logs, evidence)
    evidence.keep(logs.files[0])
    (evidence.folder / "123.partial").write_text("half")
    assert ACTION.applied(logs, evidence, plan) is False
    ACTION.apply(logs, evidence, plan)
    assert ACTION.applied(logs, evidence, plan) is True
    assert len(copies(evidence)) == 2
    assert not list(evidence.folder.glob("*.partial"))


def test_a_full_disk_is_left_alone(logs: Logs, evidence: EvidenceFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = ACTION.plan(logs, evidence)
    room = shutil.disk_usage(evidence.folder.parent)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    with pytest.raises(Refused, match="a tenth of the disk stays free"):
        ACTION.apply(logs, evidence, plan)
    assert not copies(evidence)


@pytest.mark.parametrize("how", ["changed", "shorter", "gone"])
def test_a_copy_that_was_changed_is_found_out(logs: Logs, evidence: EvidenceFolder, how: str) -> None:
    kept(logs, evidence)
    one = next(evidence.folder.glob("*-api-*.log"))
    one.chmod(0o600)
    content = one.read_bytes()
    one.write_bytes({"changed": b"X" + content[1:], "shorter": content[:-5], "gone": b""}[how])
    if how == "gone":
        one.unlink()
    found = check_evidence_kept.fn(logs, evidence)
    assert found.verdict is Verdict.BAD
    assert one.name in found.says


@pytest.mark.parametrize("how", ["edited", "cut", "not JSON"])
def test_a_custody_that_was_changed_is_found_out(logs: Logs, evidence: EvidenceFolder, how: str) -> None:
    kept(logs, evidence)
    book = evidence.folder / custody.BOOK
    lines = book.read_bytes().splitlines(keepends=True)
    lines = {
        "edited": [lines[0].replace(b'"service":"api"', b'"service":"xxx"'), lines[1]],
        "cut": lines[1:],
        "not JSON": [b"{\n", lines[1]],
    }[how]
    book.write_bytes(b"".join(lines))
    found = check_evidence_kept.fn(logs, evidence)
    assert found.verdict is Verdict.BAD
    assert "somebody changed it, or took one out" in found.says
    with pytest.raises(Refused, match="somebody changed it"):
        kept(logs, evidence)


def test_a_false_alarm_is_taken_back_and_stays_written_down(logs: Logs, evidence: EvidenceFolder) -> None:
    plan, outcome = kept(logs, evidence)
    undo = ACTION.undoing(plan, outcome)
    assert undo is not None
    removing = undo.plan(evidence)
    assert undo.applied(evidence, plan=removing) is False
    undo.apply(evidence, plan=removing)
    assert undo.applied(evidence, plan=removing) is True
    assert not copies(evidence)
    assert [one["of"] for one in evidence.records() if "removed" in one] == [row["sha256"] for row in outcome.rows]
    assert check_evidence_kept.fn(logs, evidence).rows == []


@pytest.mark.parametrize("name", ["../api.log", "/etc/passwd", "custody.jsonl", ".lock", "never.log"])
def test_an_undo_removes_nothing_but_copies_that_were_kept(logs: Logs, evidence: EvidenceFolder, name: str) -> None:
    kept(logs, evidence)
    with pytest.raises(Refused, match="is no copy that was kept here"):
        evidence.remove({name: "0" * 64})
    assert logs.files[0].path.exists()
    assert len(copies(evidence)) == 2


def test_a_copy_that_was_changed_is_not_removed(logs: Logs, evidence: EvidenceFolder) -> None:
    _, outcome = kept(logs, evidence)
    row = outcome.rows[0]
    place = evidence.folder / str(row["file"])
    place.chmod(0o600)
    place.write_text("other")
    with pytest.raises(Refused, match="is evidence of that"):
        evidence.remove({str(row["file"]): str(row["sha256"])})
    assert place.exists()


def test_two_do_not_write_the_custody_at_once(logs: Logs, evidence: EvidenceFolder) -> None:
    kept(logs, evidence)
    with (evidence.folder / custody.LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="Somebody else keeps evidence"):
            kept(logs, evidence)
        with pytest.raises(CannotLook, match="Somebody else keeps evidence"):
            evidence.keep(logs.files[0])


def test_a_service_cannot_write_elsewhere_by_its_name(tmp_path: Path, evidence: EvidenceFolder) -> None:
    path = tmp_path / "x.log"
    path.write_text("x\n")
    kept(Logs(files=(LogFile(service="../../up\n# \x1b", path=path),)), evidence)
    (one,) = copies(evidence)
    assert one.isprintable()
    assert json.loads((evidence.folder / custody.BOOK).read_text())["file"] == one


def test_doctor_hears_of_it(evidence: EvidenceFolder) -> None:
    assert [one.verdict for one in evidence.examine()] == [Verdict.OK]
