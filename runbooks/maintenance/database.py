"""Every week: what autovacuum left, and the indexes that waste room."""

from datetime import time, timedelta

from runbooks.model import Drill, Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.model import Risk
from tasks.postgres.indexes.checks import check_invalid_indexes
from tasks.postgres.indexes.drops import DropInvalidIndexes
from tasks.postgres.locks.checks import check_blocked_sessions
from tasks.postgres.tables.actions import ReindexBloated
from tasks.postgres.tables.checks import check_index_bloat
from tasks.postgres.tables.faults import BloatIndex
from tasks.postgres.vacuum.actions import AnalyzeTable, VacuumTable
from tasks.postgres.vacuum.checks import check_dead_rows, check_stale_statistics

maintenance = Maintenance(
    title="Care for the database",
    purpose=(
        "Does what autovacuum left: fresh statistics, dead rows made room again, half-built indexes dropped, and those "
        "indexes rebuilt that take far more room than they need. Readers and writers go on meanwhile. A table is never "
        "closed for it: that is maintenance/database-rewrite."
    ),
    keywords=("vacuum", "analyze", "reindex", "bloat", "statistics", "dead tuples", "weekly", "postgres"),
    # When customers sleep; the nightly backup has ended by then (seed S4: 02:00).
    window=Window(start=time(3, 30), length=timedelta(hours=3), days=(Day.SUNDAY,)),
    # Concurrent work holds nobody up; what it costs is disk, and the room of one index twice.
    unattended=Risk.MODERATE,
    # Who waits for a lock now would wait longer behind us.
    prerequisites=(check_blocked_sessions,),
    diagnosis=(check_dead_rows, check_stale_statistics, check_invalid_indexes, check_index_bloat),
    steps=(
        # VACUUM first: an index is rebuilt from the rows that are left, and counts them.
        Step(VacuumTable(), when=check_dead_rows),
        Step(AnalyzeTable(), when=check_stale_statistics),
        Step(DropInvalidIndexes(), when=check_invalid_indexes),
        Step(ReindexBloated(), when=check_index_bloat),
        Manual(
            "Find out why the index grew",
            when=check_index_bloat,
            how="""\
An index that is rebuilt every few weeks is written in a way that wastes room. Usual causes:

- rows deleted in bulk (a clean-up job): partition the table by time, and drop whole partitions;
- random keys (UUID version 4): use version 7, or a sequence;
- autovacuum too seldom: ALTER TABLE <table> SET (autovacuum_vacuum_scale_factor = 0.02);
- an old transaction that kept dead entries: see database/blocked-sessions.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=10)),
    related=("database/slow-queries", "database/performance-degradation", "maintenance/database-rewrite"),
    drills=(Drill(fault=BloatIndex(), noticed_by=check_index_bloat, resolved_by=ReindexBloated),),
)
