"""Every night: rows that are older than the team's own rules say, archived or deleted."""

from datetime import time, timedelta

from runbooks.model import Drill, Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.model import Risk
from tasks.postgres.locks.checks import check_blocked_sessions
from tasks.retention.actions import ArchiveOldRows, DeleteOldRows
from tasks.retention.checks import check_overdue_rows
from tasks.retention.faults import PileUpOldRows

maintenance = Maintenance(
    title="Let old rows go",
    purpose=(
        "Archives or deletes the rows that are older than the rules under `retention` say, a few thousand at a time. "
        "What a rule keeps for ever (unsubscribes, complaints, bounces: the evidence that an address must not be "
        "mailed) is never touched, and rows of other tables go along only where a rule names them. A rule's usual "
        "amount goes without asking; more of it waits for a person."
    ),
    keywords=("clean-up", "retention", "delete old", "archive", "purge", "gdpr", "logs", "enrolments", "monthly"),
    # After the nightly backup, which may still hold what goes now.
    window=Window(start=time(6, 30), length=timedelta(hours=1), days=tuple(Day)),
    unattended=Risk.LOW,
    # Who waits for a lock now would wait longer behind us.
    prerequisites=(check_blocked_sessions,),
    diagnosis=(check_overdue_rows,),
    steps=(
        # First what can be brought back: of two rules that mean the same row, the kinder one gets it.
        Step(ArchiveOldRows(), when=check_overdue_rows),
        Step(DeleteOldRows(), when=check_overdue_rows),
        Manual(
            "Make a clean-up cheap",
            when=check_overdue_rows,
            how="""\
Deleted rows become room for new ones; the table does not shrink, and each row costs a write. Where a table only grows,
partition it by month, and drop whole partitions:

    ALTER TABLE <table> DETACH PARTITION <table>_2026_01 CONCURRENTLY;
    DROP TABLE <table>_2026_01;

Never one that holds evidence: keep that in a table of its own, which no rule names. An index on the age keeps the
question quick:

    CREATE INDEX CONCURRENTLY ON <table> (<age column>);""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=10)),
    related=("maintenance/database", "maintenance/backup"),
    drills=(Drill(fault=PileUpOldRows(), noticed_by=check_overdue_rows, resolved_by=DeleteOldRows),),
)
