"""Every night: what is new in a bucket, also at another place, read back and compared."""

from datetime import time, timedelta

from runbooks.model import Drill, Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.bucket_copy.actions import CopyChangedObjects, CopyMissingObjects
from tasks.bucket_copy.checks import check_copy_destination, check_differing_objects, check_uncopied_objects
from tasks.bucket_copy.faults import LeaveUncopied
from tasks.model import Risk

maintenance = Maintenance(
    title="Keep a bucket's copy",
    purpose=(
        "Copies what is new in a bucket to another one, best of another provider, reads each object back and compares "
        "its SHA-256. Nothing there is ever removed. What changed at the source is written as a new version, after a "
        "person looked: an object that was cut to nothing must not replace the good one."
    ),
    keywords=("bucket", "s3", "r2", "b2", "copy", "sync", "replication", "uploads", "files", "backup"),
    # After the database's backup, whose rows name these files.
    window=Window(start=time(4, 30), length=timedelta(hours=2), days=tuple(Day)),
    unattended=Risk.LOW,
    diagnosis=(check_copy_destination, check_uncopied_objects, check_differing_objects),
    steps=(
        # Without `when`: what is new since yesterday is copied though nobody worries about it yet.
        Step(CopyMissingObjects()),
        Step(CopyChangedObjects(), when=check_differing_objects),
        Manual(
            "Make the first copy of a large bucket",
            when=check_uncopied_objects,
            how="""\
One run copies `most_objects`. Millions are for a program that does many at a time, from a machine near both:

    rclone copy --checksum --immutable SOURCE:bucket DESTINATION:bucket

Never `sync`: it removes what is gone at the source, and replaces what is broken there. The next runs read each copy
once, compare it, and write its SHA-256 down.""",
        ),
        Manual(
            "Look why objects changed",
            when=check_differing_objects,
            how="""\
Uploads are mostly written once. What shrank, or changed by the hundred, was cut off or written over by mistake:

    aws s3api list-object-versions --bucket <source bucket> --prefix <key>

Where the copy is the good one, bring it back by hand, and leave the step above undone.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=30)),
    related=("maintenance/backup",),
    drills=(Drill(fault=LeaveUncopied(), noticed_by=check_uncopied_objects, resolved_by=CopyMissingObjects),),
)
