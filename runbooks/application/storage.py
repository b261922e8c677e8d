"""Files cannot be stored or read: the object storage refuses the key, the bucket is gone, or a disk is full."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.host.checks import check_host_disks
from tasks.host.filling.actions import RotateLogs
from tasks.host.filling.checks import check_deleted_files, check_what_fills_disks
from tasks.logs.checks import check_log_written
from tasks.storage.actions import EndUnfinishedUploads, UseSpareStorageKey
from tasks.storage.checks import (
    check_storage_answers,
    check_storage_clock,
    check_storage_cors,
    check_storage_lifecycle,
    check_storage_round_trip,
    check_storage_uploads,
)
from tasks.storage.faults import LeaveUploadUnfinished, RevokeStorageKey

runbook = Runbook(
    title="Files cannot be stored or read",
    problem=(
        "Uploads fail, files do not load, or a disk is full. The object storage does not answer, refuses the key, "
        "lacks the bucket, or lets the key do less than it has to; a clock that is off looks like a wrong key. On the "
        "machine something fills the disk, and not always a file that can be seen."
    ),
    severity=Severity.P1,
    keywords=(
        "storage",
        "object storage",
        "s3",
        "r2",
        "bucket",
        "upload",
        "uploads fail",
        "files",
        "attachments",
        "AccessDenied",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "NoSuchBucket",
        "RequestTimeTooSkewed",
        "cors",
        "multipart",
        "disk full",
        "no space left on device",
        "ENOSPC",
        "inodes",
        "logrotate",
    ),
    symptoms=(
        Symptom(alert="StorageErrors"),
        Symptom(alert="HostOutOfDiskSpace"),
        Symptom(alert="HostOutOfInodes"),
        Symptom(heard="The application logs 'SignatureDoesNotMatch' or 'InvalidAccessKeyId'."),
        Symptom(heard="The application logs 'No space left on device'."),
        Symptom(heard="Uploads from the browser fail with a CORS error."),
        Symptom(heard="df says that the disk is full, and du finds nothing."),
    ),
    diagnosis=(
        check_storage_answers,
        check_storage_round_trip,
        check_storage_clock,
        check_storage_uploads,
        check_storage_lifecycle,
        check_storage_cors,
        check_host_disks,
        check_what_fills_disks,
        check_deleted_files,
        check_log_written,
    ),
    resolution=(
        Step(UseSpareStorageKey(), when=check_storage_answers),
        Manual(
            "Make a new key",
            when=check_storage_answers,
            how="""\
Where no spare key is configured. The finding says which part is wrong: an ID that is not known, or a secret that
belongs to another.

1. Make the new key beside the old one, with the same rights and no more: list, read, write, delete, in this bucket.
2. Put both parts in place together, where the application reads them, and restart it if it reads them at its start.
3. Try it from inside, with the application's own settings: a shell without them asks with an empty key, and reports an
   outage that is none. Never echo a key: compare its mark (`incident doctor` shows it).
4. Only then remove the old one; if somebody else has it, at once.""",
        ),
        Manual(
            "Find the bucket again",
            when=check_storage_answers,
            how="""\
NoSuchBucket: renamed, deleted, or asked for at another address (region, endpoint_url, account). Do not create it anew
to be rid of the error: an empty bucket answers, every file is missing, and whoever had the name could be somebody else.

1. Look in the provider's console and its audit log: who deleted it, and when. Some keep it for days.
2. Bring the files back from their copy (maintenance/bucket-sync) into a bucket of the same name, then compare counts.
3. Until then let the application say that files are missing for now, instead of failing each page.""",
        ),
        Manual(
            "Give the key what it has to do",
            when=check_storage_round_trip,
            how="""\
The finding names the verb that failed. AccessDenied to a key that is known: its policy, the bucket's policy, or a
denying rule of the organization. R2: a token has Object Read only, or is for other buckets. Where reading fails after
writing, look at encryption (the right to use its key) before anything else.""",
        ),
        Manual(
            "Set the clock",
            when=check_storage_clock,
            how="""\
timedatectl; then: timedatectl set-ntp true, and see that it stays (chronyc tracking). In a virtual machine that was
suspended the clock stands still meanwhile. No key has to be changed.""",
        ),
        Step(EndUnfinishedUploads(), when=check_storage_uploads),
        Manual(
            "Let browsers in again",
            when=check_storage_cors,
            how="""\
A CORS rule with exactly the origins that are named, the methods they use (GET, PUT), the headers they send
(content-type), and ExposeHeaders ETag for uploads in parts. A page that moved to another name is another origin.""",
        ),
        Step(RotateLogs(), when=check_host_disks),
        Manual(
            "Make room on the disk",
            when=check_host_disks,
            how="""\
check_what_fills_disks names what is largest. In this order, each looked at first:

1. Logs: rotate them (the step above); what was rotated may go to another place.
2. What Docker left behind: maintenance/docker, piece by piece. Never `docker system prune --volumes`: it takes the
   volumes of a stack that is down.
3. Old dumps and releases beside the application.
4. Never a database's own files, pg_wal above all: the server does not start again without it.

Files that run out before bytes (inodes) are sessions, caches or mails by the million in one folder. Then enlarge the
volume; most providers do it while the machine runs.""",
        ),
        Manual(
            "Have the deleted file let go",
            when=check_deleted_files,
            how="""\
The rows name the process and its file's number. A log that was removed instead of rotated: have the service open it
anew (its reload, or kill -HUP where it knows that), or restart the service. If neither may be now, empty it in place:

    : > /proc/<pid>/fd/<number>

A database's is its own: it lets go when the query or the session ends.""",
        ),
        Manual(
            "Have the service write where it should",
            when=check_log_written,
            how="""\
After a rotation without a signal a service goes on writing into app.log.1, which is compressed under it a day later.
In logrotate's stanza: `copytruncate`, or `postrotate` with what makes the service open its log anew. Then see that the
newest file grows.""",
        ),
    ),
    # A key that was replaced is known everywhere within seconds; an application that caches a client takes minutes.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=15)),
    prevention=(
        Watch(check_storage_answers, every=timedelta(minutes=5)),
        Watch(check_storage_round_trip, every=timedelta(minutes=15)),
        Watch(check_storage_clock, every=timedelta(hours=1)),
        Watch(check_storage_uploads, every=timedelta(days=1)),
        Watch(check_storage_cors, every=timedelta(days=1)),
        # check_host_disks is watched by database/performance-degradation: it may be the database's machine.
        Watch(check_deleted_files, every=timedelta(hours=1)),
    ),
    related=("maintenance/bucket-sync", "maintenance/docker", "application/high-memory"),
    # A full disk is not rehearsed: only root can make a file system of its own to fill, and filling the one that the
    # lab lies on would stop whatever else runs there.
    drills=(
        Drill(fault=RevokeStorageKey(), noticed_by=check_storage_answers, resolved_by=UseSpareStorageKey),
        Drill(fault=LeaveUploadUnfinished(), noticed_by=check_storage_uploads, resolved_by=EndUnfinishedUploads),
    ),
)
