"""Every quarter: can it be restored, does it still fit, and is what it is built of up to date?"""

from datetime import time, timedelta

from runbooks.cadence import Cadence
from runbooks.checklist import Health, Ran
from runbooks.model import Manual
from runbooks.window import Day
from tasks.host.checks import check_host_cpu, check_host_disks, check_host_memory
from tasks.postgres.connections.checks import check_connection_slots
from tasks.postgres.server.checks import check_cache_hits
from tasks.postgres.statements.checks import check_slow_statements
from tasks.postgres.tables.checks import check_database_size
from tasks.postgres.tables.sequences import check_sequences

health = Health(
    title="Quarterly review",
    purpose="Looks whether the system still fits what it carries, and has people prove that it can be brought back.",
    keywords=("quarterly", "disaster recovery test", "capacity", "dependency updates", "audit", "checklist"),
    cadence=Cadence(at=time(10, 0), days=(Day.TUESDAY,), weeks=(2,), months=(1, 4, 7, 10), due_for=timedelta(days=14)),
    questions=(
        check_host_cpu,
        check_host_memory,
        check_host_disks,
        check_connection_slots,
        check_cache_hits,
        check_database_size,
        check_slow_statements,
        check_sequences,
    ),
    ran=(Ran("health/monthly", within=timedelta(days=40)),),
    objectives=True,
    sign_offs=(
        Manual(
            "Bring everything back",
            how="""\
Restore the newest backup into an empty place, and let the application run on it. Write down how long it took, and how
old the newest row was. What nobody has restored is no backup.""",
        ),
        Manual(
            "Update what it is built of",
            how="Dependencies, base images, the database's minor version. Read what changed; try it in staging.",
        ),
        Manual(
            "Plan capacity",
            how="When does the disk, the connection limit or the plan's quota end at the growth of this quarter?",
        ),
    ),
    sign_off_within=timedelta(days=21),
    related=("health/monthly", "health/annual"),
)
