"""Every month: tables that are nearly empty inside, written anew; never without a person who knows for how long."""

from datetime import time, timedelta

from runbooks.model import Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.postgres.locks.checks import check_blocked_sessions, check_long_transactions
from tasks.postgres.tables.actions import VacuumFull
from tasks.postgres.tables.checks import check_table_bloat

maintenance = Maintenance(
    title="Give back the room of tables that are nearly empty",
    purpose=(
        "VACUUM FULL writes a table anew and closes it to everybody while it does. It is proposed only for tables of "
        "which far the most is waste, with an estimate how long each stays closed, and waits for a person every time."
    ),
    keywords=("vacuum full", "bloat", "disk", "rewrite", "monthly", "lock", "postgres"),
    # Few customers, and whoever approves is awake.
    window=Window(start=time(8, 0), length=timedelta(hours=3), days=(Day.SUNDAY,), weeks=(1,)),
    unattended=None,
    # What holds a table now would make us, and everybody behind us, wait.
    prerequisites=(check_blocked_sessions, check_long_transactions),
    diagnosis=(check_table_bloat,),
    steps=(
        Step(VacuumFull(), when=check_table_bloat),
        Manual(
            "Shrink a table that cannot be closed",
            when=check_table_bloat,
            how="""\
Where the table cannot be closed for as long as the plan says, pg_repack or pg_squeeze rewrite it while it is used. They
are extensions, need the table's size twice, and a primary key:

    pg_repack --table=<schema.table> --no-order <database>

What is wasted is not lost: new rows use it. Where the table will grow again, leave it.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=10)),
    related=("maintenance/database", "database/performance-degradation"),
)
