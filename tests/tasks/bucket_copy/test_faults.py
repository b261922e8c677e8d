"""A file that is in no copy yet is seen, copied, and taken away again at both places."""

from __future__ import annotations

from pathlib import Path

from tasks.bucket_copy.actions import CopyMissingObjects
from tasks.bucket_copy.checks import check_uncopied_objects
from tasks.bucket_copy.faults import LeaveUncopied
from tasks.bucket_copy.system import BucketCopy
from tasks.environment import Environment, Kind
from tests.tasks.bucket_copy.conftest import lay
from tests.tasks.bucket_copy.test_copying import files


def test_it_leaves_a_file_uncopied_and_nothing_behind(copy: BucketCopy, here: Path, there: Path) -> None:
    lay(here, "stays.png", b"somebody's", hours=3)
    place = Environment(name="lab", kind=Kind.LAB, systems={"bucket_copy": copy})
    with LeaveUncopied().during(place):
        assert check_uncopied_objects.fn(copy).facts["missing"] == 2
        plan = CopyMissingObjects().plan(copy)
        assert CopyMissingObjects().apply(copy, plan).complete
        assert check_uncopied_objects.fn(copy).facts["missing"] == 0
    assert files(here) == files(there) == {"stays.png": b"somebody's"}
