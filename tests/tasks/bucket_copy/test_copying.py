"""Is exactly what was planned copied, whole and read back, and is nothing in the copy ever lost?"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks import deadline
from tasks.bucket_copy.actions import CopyChangedObjects, CopyMissingObjects
from tasks.bucket_copy.checks import check_copy_destination, check_differing_objects, check_uncopied_objects
from tasks.bucket_copy.compare import Why, copyable, standing
from tasks.bucket_copy.system import BucketCopy
from tasks.model import Outcome, Plan, Refused, Risk, Verdict
from tests.tasks.backup.test_copies import Store, bucket
from tests.tasks.bucket_copy.conftest import lay

MISSING = CopyMissingObjects()


def copied(copy: BucketCopy) -> tuple[Plan, Outcome]:
    plan = MISSING.plan(copy)
    return plan, MISSING.apply(copy, plan)


def keys(plan: Plan) -> list[object]:
    return [command.target["key"] for command in plan.commands]


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def whys(copy: BucketCopy) -> dict[str, Why]:
    return {one.key: one.why for one in standing(copy).lacking}


def undone(copy: BucketCopy, plan: Plan, outcome: Outcome) -> Outcome:
    way = MISSING.undoing(plan, outcome)
    assert way
    planned = way.plan(copy)
    assert way.applied(copy, planned) is (not planned.commands)
    done = way.apply(copy, planned)
    assert way.applied(copy, planned) is True
    return done


def test_it_copies_exactly_what_is_missing_and_reads_it_back(copy: BucketCopy, here: Path, there: Path) -> None:
    lay(here, "a b/'1'.png", b"one", hours=30)
    lay(here, "2.png", b"second", hours=3)
    plan, outcome = copied(copy)
    assert [c.line for c in plan.commands] == [
        """aws s3 cp 's3://uploads/a b/'"'"'1'"'"'.png' 's3://elsewhere/copy/a b/'"'"'1'"'"'.png'""",
        "aws s3 cp s3://uploads/2.png s3://elsewhere/copy/2.png",
    ]
    assert plan.does == "Copy 2 objects, 9 bytes, from s3://uploads to s3://elsewhere/copy, and read each back."
    assert (plan.risk, str(plan.blast_radius)) == (Risk.LOW, "2 of 2 objects")
    assert outcome.says == "2 objects copied to s3://elsewhere/copy; each was read back and is the same."
    assert outcome.complete
    assert files(there) == files(here)
    assert MISSING.applied(copy, plan) is True
    assert MISSING.plan(copy).commands == ()
    assert oct(copy.manifest.stat().st_mode)[-3:] == "600"


def test_it_says_how_long_the_oldest_has_waited(copy: BucketCopy, here: Path) -> None:
    lay(here, "old.png", b"1", hours=51)
    lay(here, "new.png", b"12", hours=2)
    found = check_uncopied_objects.fn(copy)
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "2 objects, 3 bytes, of 2 in s3://uploads are missing in s3://elsewhere/copy, the oldest for 51 h "
        "(bad from 50 h)."
    )
    copied(copy)
    assert check_uncopied_objects.fn(copy).verdict is Verdict.OK
    assert check_differing_objects.fn(copy).verdict is Verdict.OK


def test_it_copies_nothing_that_came_or_changed_after_the_plan(copy: BucketCopy, here: Path, there: Path) -> None:
    lay(here, "kept.png", b"kept")
    changed = lay(here, "changed.png", b"before")
    lay(here, "gone.png", b"gone")
    plan = MISSING.plan(copy)
    changed.write_bytes(b"afterwards")
    (here / "gone.png").unlink()
    lay(here, "late.png", b"late")
    outcome = MISSING.apply(copy, plan)
    assert set(files(there)) == {"kept.png"}
    assert {row["key"] for row in outcome.not_done} == {"changed.png", "gone.png"}
    assert not outcome.complete


def test_it_never_removes_what_is_gone_at_the_source(copy: BucketCopy, here: Path, there: Path) -> None:
    lay(here, "a.png", b"a")
    copied(copy)
    (here / "a.png").unlink()
    assert copied(copy)[0].commands == ()
    assert files(there) == {"a.png": b"a"}
    assert check_differing_objects.fn(copy).verdict is Verdict.OK


def test_it_never_replaces_where_no_versions_are_kept(copy: BucketCopy, here: Path, there: Path) -> None:
    """4-9: the object that was cut to nothing, with exit code 0."""
    lay(here, "a.png", b"whole")
    copied(copy)
    lay(here, "a.png", b"")
    found = check_differing_objects.fn(copy)
    assert found.verdict is Verdict.BAD
    assert found.says.endswith("1 shrank to less than half: were they cut off?")
    copied(copy)
    with pytest.raises(Refused, match="keeps no versions, so the 1 object that differ"):
        CopyChangedObjects().plan(copy)
    assert files(there) == {"a.png": b"whole"}
    assert check_copy_destination.fn(copy).verdict is Verdict.WARN


@pytest.mark.parametrize("by", ["source", "copy"])
def test_it_sees_another_content_of_the_same_size(copy: BucketCopy, here: Path, there: Path, by: str) -> None:
    lay(here, "a.png", b"abc", hours=9)
    copied(copy)
    lay(here if by == "source" else there, "a.png", b"xyz", hours=2)
    assert whys(copy) == {"a.png": Why.CHANGED if by == "source" else Why.TOUCHED}
    assert check_differing_objects.fn(copy).verdict is Verdict.WARN


def test_it_compares_once_what_others_copied(copy: BucketCopy, here: Path, there: Path) -> None:
    """As after a first copy by hand, or a lost manifest: the same is written down, another told."""
    for name, content in (("same.png", b"same"), ("other.png", b"otha")):
        lay(here, name, content)
        lay(there, name, content.replace(b"otha", b"xxxx"))
    assert set(whys(copy).values()) == {Why.UNKNOWN}
    assert check_uncopied_objects.fn(copy).verdict is Verdict.WARN
    before = files(there)
    _, outcome = copied(copy)
    assert (
        "1 were the same already. 1 left, the first because other.png is there by now, and otherwise." in outcome.says
    )
    assert files(there) == before
    assert whys(copy) == {"other.png": Why.TOUCHED}
    assert MISSING.plan(copy).commands == ()


def test_it_takes_back_only_what_nobody_touched_since(copy: BucketCopy, here: Path, there: Path) -> None:
    lay(there, "before.png", b"before")
    lay(here, "before.png", b"before")
    for name in ("mine.png", "theirs.png"):
        lay(here, name, name.encode())
    plan, outcome = copied(copy)
    (there / "theirs.png").write_bytes(b"other.png!")
    assert undone(copy, plan, outcome).says == "1 object removed."
    assert set(files(there)) == {"before.png", "theirs.png"}
    assert set(files(here)) == {"before.png", "mine.png", "theirs.png"}


def test_it_leaves_what_was_touched_between_the_plan_of_the_way_back_and_its_act(
    copy: BucketCopy, here: Path, there: Path
) -> None:
    lay(here, "a.png", b"abc")
    way = MISSING.undoing(*copied(copy))
    assert way
    plan = way.plan(copy)
    (there / "a.png").write_bytes(b"xyz")
    outcome = way.apply(copy, plan)
    assert files(there) == {"a.png": b"xyz"}
    assert not outcome.complete
    assert "is not what was put there" in outcome.says


def test_it_goes_on_where_time_ran_out(copy: BucketCopy, here: Path, there: Path) -> None:
    for n in range(3):
        lay(here, f"{n}.png", b"x", hours=9 - n)
    short = copy.model_copy(update={"most_objects": 2})
    plan = MISSING.plan(short)
    assert keys(plan) == ["0.png", "1.png"]
    assert plan.does.endswith(" 1 more go another time.")
    with deadline.until(datetime.now(UTC) - timedelta(seconds=1)):
        outcome = MISSING.apply(short, plan)
    assert len(outcome.not_done) == 2
    assert files(there) == {}
    copied(short)
    assert keys(MISSING.plan(short)) == ["2.png"]


def test_it_goes_on_after_it_was_killed_while_writing_down(copy: BucketCopy, here: Path, there: Path) -> None:
    lay(here, "a.png", b"a")
    copied(copy)
    text = copy.manifest.read_bytes()
    copy.manifest.write_bytes(text + text.splitlines()[1][:20])
    lay(here, "b.png", b"b")
    assert whys(copy) == {"b.png": Why.MISSING}
    copied(copy)
    assert whys(copy) == {}
    assert [json.loads(line).get("key") for line in copy.manifest.read_text().splitlines()] == [None, "a.png", "b.png"]


@pytest.mark.parametrize("text", ["", "[]\n", '{"copy": "s3://other s3://elsewhere/copy", "format": 1}\n', "\xff"])
def test_it_refuses_a_file_that_is_not_its_manifest(copy: BucketCopy, text: str) -> None:
    copy.manifest.parent.mkdir()
    copy.manifest.write_text(text, encoding="latin-1")
    with pytest.raises(Refused, match="no manifest of s3://uploads s3://elsewhere/copy"):
        standing(copy)


def test_it_copies_only_to_the_place_that_was_approved(copy: BucketCopy, here: Path, there: Path, store: Store) -> None:
    lay(here, "a.png", b"a")
    other = copy.model_copy(update={"destination": bucket(store, url="s3://elsewhere/other")})
    with pytest.raises(Refused, match="not the one that was approved"):
        MISSING.apply(other, MISSING.plan(copy))


@pytest.mark.parametrize(
    ("key", "may"),
    [
        ("a/b.png", True),
        ("üb er.png", True),
        ("-rf", True),
        ("folder/", False),
        ("/a", False),
        ("a/../b", False),
        ("a//b", False),
        ("a\nb", False),
        ("a\u202eb", False),
        ("x" * 900, True),
        ("x" * 901, False),
    ],
)
def test_it_leaves_out_names_that_mean_something_else_to_a_store(key: str, may: bool) -> None:
    assert copyable(key) is may


@pytest.mark.parametrize("destination", ["s3://uploads", "s3://uploads/copy", "s3://uploads/"])
def test_it_refuses_a_copy_within_itself(copy: BucketCopy, store: Store, destination: str) -> None:
    with pytest.raises(ValidationError, match="lie within each other"):
        BucketCopy(source=copy.source, destination=bucket(store, url=destination), manifest=copy.manifest)
    BucketCopy(source=copy.source, destination=bucket(store, url="s3://uploads2"), manifest=copy.manifest)


def test_it_counts_no_more_than_it_may(copy: BucketCopy, here: Path) -> None:
    for n in range(3):
        lay(here, f"{n}.png", b"x")
    with pytest.raises(Refused, match="s3://uploads has more than 2 objects"):
        standing(copy.model_copy(update={"most_listed": 2}))


def test_it_says_that_the_destination_does_not_answer(copy: BucketCopy, store: Store) -> None:
    gone = copy.model_copy(update={"destination": bucket(store, endpoint_url="http://127.0.0.1:1")})
    assert check_copy_destination.fn(gone).verdict is Verdict.BAD
    assert [found.verdict for found in gone.examine()] == [Verdict.OK, Verdict.BAD, Verdict.OK]


def test_a_plan_of_more_voids_what_was_approved(copy: BucketCopy, here: Path) -> None:
    lay(here, "a.png", b"a")
    approved = MISSING.plan(copy)
    lay(here, "b.png", b"b")
    assert len(MISSING.plan(copy).exceeds(approved)) == 1
    assert not dataclasses.replace(approved).exceeds(MISSING.plan(copy))
