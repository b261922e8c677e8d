"""Every night: a backup that counts only once it was restored and compared, and the old ones let go."""

from datetime import time, timedelta

from runbooks.model import Drill, Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.backup.actions import CopyBackups, MakeBackup, RemoveOldBackups
from tasks.backup.checks import check_backup_copies, check_backup_room, check_newest_backup, check_old_backups
from tasks.backup.faults import SpoilBackup
from tasks.model import Risk

maintenance = Maintenance(
    title="Back up the database, and prove it",
    purpose=(
        "Writes a backup as of one moment, restores it into a database made for that, holds it against what was read, "
        "table by table and row by row, copies it elsewhere, and lets old ones go. What was not restored does not "
        "count: an exit code of 0 and a file are no proof of rows. Readers and writers go on meanwhile."
    ),
    keywords=("backup", "pg_dump", "restore", "retention", "disaster recovery", "s3", "r2", "nightly", "postgres"),
    # Few write then (seeds S1 and S4: daily, 02:00); nothing is begun any more when the weekly care begins at 03:30.
    window=Window(start=time(2, 0), length=timedelta(minutes=90), days=tuple(Day)),
    # Making and copying only reads. More old ones than a week's at once is high, and waits for a person.
    unattended=Risk.LOW,
    diagnosis=(check_newest_backup, check_backup_room, check_backup_copies, check_old_backups),
    steps=(
        Step(MakeBackup(), when=check_newest_backup),
        # Without `when`: what was made a minute ago is not there when the questions are asked.
        Step(CopyBackups()),
        Step(RemoveOldBackups()),
        Manual(
            "Make room for backups",
            when=check_backup_room,
            how="""\
What fills the disk, the largest first:

    du -xh --max-depth=2 <the backups' folder's disk> | sort -rh | head -20

Then one of these, in this order: fewer kept (keep_daily, keep_weekly, keep_monthly), a bucket and a shorter shelf here,
a larger disk. Never remove the newest proven backup by hand.""",
        ),
        Manual(
            "Keep a copy elsewhere",
            when=check_backup_copies,
            how="""\
A backup on the machine of the database is lost with it. Configure a bucket under the backup system: another account,
versioned, with object lock, and a key that may not delete. `aws s3 sync` is no copy: an object that was cut to nothing
replaces the good one, with exit code 0.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=10)),
    related=("maintenance/database", "maintenance/n8n-export"),
    drills=(Drill(fault=SpoilBackup(), noticed_by=check_newest_backup, resolved_by=MakeBackup),),
)
