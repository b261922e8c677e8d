"""Where the destination keeps versions, is what changed written as a new one, and the old one brought back by undo?"""

from __future__ import annotations

from typing import Any

from tasks.bucket_copy.actions import CopyChangedObjects, CopyMissingObjects
from tasks.bucket_copy.checks import check_copy_destination, check_differing_objects
from tasks.bucket_copy.system import BucketCopy
from tasks.model import Outcome, Plan, Risk, Verdict

Versioned = tuple[BucketCopy, Any]


def first_copy(copy: BucketCopy, client: Any, **objects: bytes) -> tuple[Plan, Outcome]:
    for key, content in objects.items():
        client.put_object(Bucket="uploads", Key=key, Body=content, ContentType="image/png", Metadata={"of": key})
    plan = CopyMissingObjects().plan(copy)
    return plan, CopyMissingObjects().apply(copy, plan)


def contents(client: Any, key: str) -> list[bytes]:
    """What is there, the newest first."""
    found = client.list_object_versions(Bucket="elsewhere", Prefix=key)
    return [
        client.get_object(Bucket="elsewhere", Key=key, VersionId=one["VersionId"])["Body"].read()
        for one in found.get("Versions", ())
    ]


def test_it_writes_what_changed_as_a_new_version(versioned: Versioned) -> None:
    copy, client = versioned
    first_copy(copy, client, a=b"before", b=b"stays")
    client.put_object(Bucket="uploads", Key="a", Body=b"afterwards")
    action = CopyChangedObjects()
    plan = action.plan(copy)
    assert [command.target["key"] for command in plan.commands] == ["a"]
    assert plan.risk is Risk.MODERATE
    assert action.applied(copy, plan) is False
    outcome = action.apply(copy, plan)
    assert (contents(client, "a"), contents(client, "b")) == ([b"afterwards", b"before"], [b"stays"])
    assert action.applied(copy, plan) is True

    way = action.undoing(plan, outcome)
    assert way
    back = way.plan(copy)
    assert back.commands[0].line.startswith("aws s3api delete-object --bucket elsewhere --key a --version-id ")
    way.apply(copy, back)
    assert contents(client, "a") == [b"before"]
    assert "DeleteMarkers" not in client.list_object_versions(Bucket="elsewhere")


def test_a_shrunken_object_is_for_a_person(versioned: Versioned) -> None:
    copy, client = versioned
    first_copy(copy, client, a=b"a whole picture")
    client.put_object(Bucket="uploads", Key="a", Body=b"")
    assert CopyChangedObjects().plan(copy).risk is Risk.HIGH
    assert check_differing_objects.fn(copy).verdict is Verdict.BAD


def test_it_keeps_what_a_browser_goes_by(versioned: Versioned) -> None:
    copy, client = versioned
    first_copy(copy, client, a=b"picture")
    there = client.head_object(Bucket="elsewhere", Key="a")
    assert (there["ContentType"], there["Metadata"]["of"]) == ("image/png", "a")
    assert check_copy_destination.fn(copy).verdict is Verdict.OK


def test_undo_removes_the_version_it_put_and_leaves_a_newer_one(versioned: Versioned) -> None:
    copy, client = versioned
    plan, outcome = first_copy(copy, client, a=b"mine", b=b"too")
    client.put_object(Bucket="elsewhere", Key="a", Body=b"mine")
    way = CopyMissingObjects().undoing(plan, outcome)
    assert way
    back = way.plan(copy)
    assert back.does == "Remove 1 object from s3://elsewhere. 1 object stay: they are not what was put there."
    way.apply(copy, back)
    assert (contents(client, "a"), contents(client, "b")) == ([b"mine", b"mine"], [])
