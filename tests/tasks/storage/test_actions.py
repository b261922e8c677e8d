"""What is done about the storage: the spare key put in place and back, exactly the uploads that were shown ended."""

from __future__ import annotations

import dataclasses

import pytest

from tasks import secret_file
from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.model import Refused, Threshold, Verdict
from tasks.storage.actions import EndUnfinishedUploads, UseSpareStorageKey
from tasks.storage.checks import check_storage_answers, check_storage_uploads
from tasks.storage.faults import LeaveUploadUnfinished, RevokeStorageKey
from tasks.storage.system import Storage
from tasks.storage.uploads import unfinished
from tests.tasks.storage.conftest import FIRST, SPARE, Lab

AT_ONCE = Threshold(warn=-1, bad=1e9, because="A test does not wait for days.")


@pytest.fixture
def place(lab: Lab) -> Environment:
    return Environment(name="lab", kind=Kind.LAB, systems={"storage": lab.storage()})


def test_it_puts_the_spare_key_in_place_and_back(lab: Lab, place: Environment) -> None:
    action, storage = UseSpareStorageKey(), lab.storage()
    assert action.plan(storage).does == "Nothing to replace: the key that is there is taken."
    with RevokeStorageKey().during(place):
        assert check_storage_answers.fn(storage).verdict is Verdict.BAD
        plan = action.plan(storage)
        assert action.applied(storage, plan) is False
        outcome = action.apply(storage, plan)
        assert outcome.complete
        assert lab.key_file.read_text() == f"{SPARE}\n"
        assert lab.key_file.stat().st_mode & 0o777 == 0o600
        assert check_storage_answers.fn(storage).verdict is Verdict.OK
        undo = action.undoing(plan, outcome)
        assert undo is not None
        back = undo.plan(storage)
        undo.apply(storage, back)
        assert lab.key_file.read_text() == f"{FIRST}\n"
    shown = f"{plan}{outcome}{back}"
    for secret in ("first-secret", "spare-secret"):
        assert secret not in shown
    assert check_storage_answers.fn(storage).verdict is Verdict.OK


def test_it_leaves_a_key_alone_that_somebody_else_has_put_there(lab: Lab, place: Environment) -> None:
    with RevokeStorageKey().during(place):
        plan = UseSpareStorageKey().plan(lab.storage())
        lab.key_file.write_text("OTHER:key\n")
        with pytest.raises(Refused, match="Somebody has put another key"):
            UseSpareStorageKey().apply(lab.storage(), plan)
        assert lab.key_file.read_text() == "OTHER:key\n"


def test_the_drill_leaves_the_key_as_it_was(lab: Lab, place: Environment) -> None:
    with RevokeStorageKey().during(place):
        storage = lab.storage()
        UseSpareStorageKey().apply(storage, UseSpareStorageKey().plan(storage))
    assert secret_file.read(lab.key_file, "key").get_secret_value() == FIRST
    production = Environment(name="p", kind=Kind.PRODUCTION, systems={"storage": lab.storage()})
    for fault in (RevokeStorageKey(), LeaveUploadUnfinished()):
        with pytest.raises(RefusesProduction):
            fault.refuse_production(production)


def begun(storage: Storage, key: str) -> str:
    bucket = storage.opened()
    place = {"Bucket": "uploads", "Key": key}
    number = str(bucket.client.create_multipart_upload(**place)["UploadId"])
    bucket.client.upload_part(**place, UploadId=number, PartNumber=1, Body=b"x" * 1000)
    return number


def test_it_ends_exactly_the_uploads_that_were_shown(lab: Lab) -> None:
    action, storage = EndUnfinishedUploads(), lab.storage()
    first = begun(storage, "app/a b'; rm -rf.bin")
    plan = action.plan(storage, AT_ONCE)
    later = begun(storage, "app/later.bin")
    other = begun(storage, "elsewhere/not-ours.bin")

    assert [command.target["upload"] for command in plan.commands] == [first]
    assert "--key 'app/a b'\"'\"'; rm -rf.bin'" in plan.commands[0].line
    assert action.applied(storage, plan) is False
    outcome = action.apply(storage, plan)

    assert outcome.says == "1 upload ended of 1."
    assert action.applied(storage, plan) is True
    assert [one.upload_id for one in unfinished(storage.opened())] == [later]
    # Killed half-way and begun again: nothing more happens.
    assert action.apply(storage, plan).rows[0]["became"] == "was gone already"
    everything = lab.storage(url="s3://uploads")
    assert {one.upload_id for one in unfinished(everything.opened())} == {later, other}
    action.apply(everything, action.plan(everything, AT_ONCE))
    assert unfinished(everything.opened()) == []


def test_it_leaves_an_upload_alone_that_is_finished_meanwhile(lab: Lab) -> None:
    action, storage = EndUnfinishedUploads(), lab.storage()
    number = begun(storage, "app/done.bin")
    plan = action.plan(storage, AT_ONCE)
    bucket = storage.opened()
    parts = {"Parts": [{"PartNumber": 1, "ETag": "x"}]}
    bucket.client.complete_multipart_upload(
        Bucket="uploads", Key="app/done.bin", UploadId=number, MultipartUpload=parts
    )
    assert action.apply(storage, plan).rows[0]["became"] == "was gone already"
    head = bucket.head("done.bin")
    assert head is not None
    assert head.bytes == 1000


def test_it_ends_no_upload_that_is_another_by_now(lab: Lab) -> None:
    action, storage = EndUnfinishedUploads(), lab.storage()
    begun(storage, "app/x.bin")
    plan = action.plan(storage, AT_ONCE)
    (command,) = plan.commands
    old = dataclasses.replace(command, target={**command.target, "begun": "2020-01-01T00:00:00+00:00"})
    action.apply(storage, dataclasses.replace(plan, commands=(old,)))
    assert len(unfinished(storage.opened())) == 1
    with pytest.raises(Refused, match="is not the one that was approved"):
        action.apply(lab.storage(url="s3://uploads-copy"), plan)
    action.apply(storage, plan)


def test_it_ends_nothing_that_is_young(lab: Lab) -> None:
    storage = lab.storage()
    begun(storage, "app/young.bin")
    assert EndUnfinishedUploads().plan(storage).commands == ()
    EndUnfinishedUploads().apply(storage, EndUnfinishedUploads().plan(storage, AT_ONCE))


def test_the_forgotten_upload_is_seen_and_taken_away(lab: Lab, place: Environment) -> None:
    soon = Threshold(warn=-1, bad=-0.5, because="A test does not wait for days.")
    with LeaveUploadUnfinished().during(place):
        assert check_storage_uploads.fn(lab.storage(), left=soon).verdict is Verdict.BAD
    assert unfinished(lab.storage().opened()) == []
