"""Is a copy in a bucket the same backup, and is nothing there ever replaced? Against a real S3 server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.ports import free_port
from tasks.backup import shelf
from tasks.backup.actions import CopyBackups
from tasks.backup.checks import check_backup_copies
from tasks.backup.recovery.checks import check_restorable_backup
from tasks.backup.recovery.copies import FetchBackup
from tasks.backup.system import Backups
from tasks.bucket.system import Bucket
from tasks.model import CannotLook, Refused, Verdict
from tests.conftest import needs
from tests.deployments.processes import wait_until
from tests.flows.journal.test_bucket import KEY, SECRET, listens
from tests.tasks.backup.test_old import URL, lay


@dataclass(frozen=True)
class Store:
    """A running S3 server; its bucket is a folder."""

    folder: Path
    port: int


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    rclone = needs(Path(sys.executable).with_name("rclone"))
    store = Store(tmp_path_factory.mktemp("s3"), free_port())
    (store.folder / "backups").mkdir()
    cache = ["--vfs-cache-mode", "off", "--dir-cache-time", "0s"]
    command = [rclone, "serve", "s3", "--addr", f"127.0.0.1:{store.port}", "--auth-key", f"{KEY},{SECRET}"]
    server = subprocess.Popen([*command, "--config", "/dev/null", *cache, store.folder], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(store.port), "the S3 server")
        yield store
    finally:
        server.terminate()
        server.wait()


def bucket(store: Store, **changed: object) -> Bucket:
    given = {
        "url": "s3://backups/team",
        "endpoint_url": f"http://127.0.0.1:{store.port}",
        "access_key": KEY,
        "secret_key": SECRET,
    }
    return Bucket(**{**given, **changed})  # type: ignore[arg-type]


@pytest.fixture
def door(store: Store, tmp_path: Path) -> Backups:
    for left in (store.folder / "backups").iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return Backups(url=URL, scratch_url=URL, folder=tmp_path, bucket=bucket(store))


def copy(door: Backups) -> str:
    action = CopyBackups()
    return action.apply(door, action.plan(door)).says


def test_it_copies_what_is_proven_and_reads_it_back(door: Backups, store: Store) -> None:
    name = lay(door, 0)
    lay(door, 1, proven=False)
    assert check_backup_copies.fn(door).verdict is Verdict.WARN
    plan = CopyBackups().plan(door)
    assert [c.line for c in plan.commands] == [f"aws s3 cp --recursive {door.folder / name} s3://backups/team/{name}"]
    assert CopyBackups().applied(door, plan) is False
    assert copy(door) == "1 backup copied to s3://backups/team; each file was read back and is the same."
    assert CopyBackups().applied(door, plan) is True
    for file in (door.folder / name).iterdir():
        assert (store.folder / "backups" / "team" / name / file.name).read_bytes() == file.read_bytes()
    assert check_backup_copies.fn(door).verdict is Verdict.OK
    assert CopyBackups().plan(door).commands == ()


def test_it_copies_a_file_of_many_parts(door: Backups, store: Store) -> None:
    name = lay(door, 0)
    place = door.folder / name
    (place / shelf.DUMP).write_bytes(bytes(range(256)) * 80_000)
    assert door.bucket
    door.bucket.put(place / shelf.DUMP, "large", shelf.hash_of(place / shelf.DUMP))
    assert door.bucket.hash_of("large") == shelf.hash_of(place / shelf.DUMP)


@pytest.mark.parametrize("there_by", ["nothing", "another", "as many bytes"])
def test_it_never_replaces_an_object(door: Backups, store: Store, there_by: str) -> None:
    """4-9, the other way round: what is there stays, whatever is sent, and a copy that differs is refused."""
    name = lay(door, 0)
    there = store.folder / "backups" / "team" / name / shelf.DUMP
    there.parent.mkdir(parents=True)
    same_size = b"x" * (door.folder / name / shelf.DUMP).stat().st_size
    before = {"nothing": b"", "another": b"x", "as many bytes": same_size}[there_by]
    there.write_bytes(before)
    with pytest.raises(Refused, match=r"s3://backups/team, .*database\.dump (has|is not)"):
        copy(door)
    assert there.read_bytes() == before
    assert check_backup_copies.fn(door).verdict is Verdict.WARN


def test_it_goes_on_where_it_was_broken_off(door: Backups, store: Store) -> None:
    name = lay(door, 0)
    dump = door.folder / name / shelf.DUMP
    assert door.bucket
    door.bucket.put(dump, f"{name}/{shelf.DUMP}", shelf.hash_of(dump))
    assert check_backup_copies.fn(door).verdict is Verdict.WARN
    copy(door)
    assert check_backup_copies.fn(door).verdict is Verdict.OK


def test_it_copies_nothing_that_is_spoiled(door: Backups, store: Store) -> None:
    name = lay(door, 0)
    plan = CopyBackups().plan(door)
    (door.folder / name / shelf.DUMP).write_text("rotten")
    with pytest.raises(Refused, match="is not copied"):
        CopyBackups().apply(door, plan)
    assert not (store.folder / "backups" / "team" / name).exists()


def test_it_copies_only_to_the_bucket_that_was_approved(door: Backups, store: Store) -> None:
    lay(door, 0)
    plan = CopyBackups().plan(door)
    other = door.model_copy(update={"bucket": bucket(store, url="s3://backups/other")})
    with pytest.raises(Refused, match="not the one that was approved"):
        CopyBackups().apply(other, plan)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"secret_key": SecretStr("wrong-secret")}, "SignatureDoesNotMatch|403"),
        ({"access_key": SecretStr("NOBODY")}, "InvalidAccessKeyId|403"),
        ({"url": "s3://not-there"}, "NoSuchBucket"),
        ({"endpoint_url": "http://127.0.0.1:1"}, "endpoint URL"),
    ],
)
def test_it_says_which_key_is_wrong_and_never_quotes_one(store: Store, changed: dict[str, object], says: str) -> None:
    wrong = bucket(store, **changed)
    [found] = wrong.examine()
    assert found.verdict is Verdict.BAD
    with pytest.raises(CannotLook):
        wrong.put(Path(__file__), "x", "y")

    assert re.search(says, found.says), found.says
    assert SECRET not in found.says
    assert "wrong-secret" not in found.says


def test_it_says_that_there_is_no_copy_elsewhere(tmp_path: Path) -> None:
    alone = Backups(url=URL, scratch_url=URL, folder=tmp_path)
    assert check_backup_copies.fn(alone).verdict is Verdict.WARN
    assert CopyBackups().plan(alone).commands == ()


def test_the_newest_comes_back_where_the_folder_is_lost(door: Backups) -> None:
    names = [lay(door, days) for days in (0, 1)]
    copy(door)
    written = {file.name: file.read_bytes() for file in (door.folder / names[0]).iterdir()}
    for name in names:
        shutil.rmtree(door.folder / name)
    found = check_restorable_backup.fn(door)
    assert found.verdict is Verdict.BAD
    assert "; 2 in s3://backups/team." in found.says
    action = FetchBackup()
    plan = action.plan(door)
    assert [c.line for c in plan.commands] == [
        f"aws s3 cp --recursive s3://backups/team/{names[0]} {door.folder}/{names[0]}"
    ]
    assert action.applied(door, plan) is False
    outcome = action.apply(door, plan)
    assert outcome.complete, outcome
    assert action.applied(door, plan) is True
    assert {file.name: file.read_bytes() for file in (door.folder / names[0]).iterdir()} == written
    assert action.plan(door).commands == ()


def test_a_spoiled_one_is_set_apart_for_the_copy(door: Backups) -> None:
    name = lay(door, 0)
    copy(door)
    (door.folder / name / shelf.DUMP).write_bytes(b"cut off")
    action = FetchBackup()
    assert action.apply(door, action.plan(door)).complete
    assert {one.name: bool(one.proven_at) for one in door.kept()} == {name: True, f"{name}.differs": False}


def test_a_copy_that_is_not_whole_is_none(door: Backups, store: Store) -> None:
    """The proof is put there last, and what is spoiled there is not taken for a backup."""
    name = lay(door, 0)
    copy(door)
    shutil.rmtree(door.folder / name)
    there = store.folder / "backups" / "team" / name
    (there / shelf.DUMP).write_bytes(b"cut off")
    action = FetchBackup()
    outcome = action.apply(door, action.plan(door))
    assert not outcome.complete
    assert "database.dump is not what was written" in outcome.says
    shutil.rmtree(door.folder / name)
    (there / shelf.PROOF).unlink()
    assert action.plan(door).commands == ()
    assert (
        "the bucket does not tell"
        in check_restorable_backup.fn(door.model_copy(update={"bucket": bucket(store, secret_key="wrong")})).says
    )
