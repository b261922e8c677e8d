"""Once a month: cost, capacity, access and keys, and whether the rehearsals were held."""

from datetime import time, timedelta

from runbooks.cadence import Cadence
from runbooks.checklist import Health, Ran
from runbooks.model import Manual
from runbooks.window import Day
from tasks.host.checks import check_host_disks
from tasks.postgres.connections.checks import check_database_connection_limits, check_role_connection_limits
from tasks.postgres.server.checks import check_checkpoints, check_temp_files, check_wal_rate
from tasks.postgres.tables.checks import check_database_size
from tasks.postgres.tables.sequences import check_sequences
from tasks.postgres.vacuum.age import check_transaction_age

health = Health(
    title="Monthly review",
    purpose="Looks at what runs out within months, and has people look at what only they can see: cost, access, keys.",
    keywords=("monthly", "capacity", "cost", "access review", "key rotation", "checklist"),
    cadence=Cadence(at=time(9, 30), days=(Day.MONDAY,), weeks=(1,), due_for=timedelta(days=7)),
    questions=(
        check_database_size,
        check_host_disks,
        check_transaction_age,
        check_sequences,
        check_role_connection_limits,
        check_database_connection_limits,
        check_checkpoints,
        check_temp_files,
        check_wal_rate,
    ),
    ran=(Ran("health/weekly", within=timedelta(days=10)), Ran("maintenance/database", within=timedelta(days=8))),
    objectives=True,
    sign_offs=(
        Manual("Review what it costs", how="Compare this month's bills with the last: what grew, and is it worth it?"),
        Manual(
            "Review access and keys",
            how="""\
- Who may log in to the database, the hosting, the mail provider, and this? Remove who left.
- Rotate what your policy says is due. `incident doctor` shows at once whether the new one is taken.""",
        ),
        Manual(
            "Rehearse",
            how="In staging, those you would need most: `incident drill SLUG --environment staging`.",
        ),
    ),
    sign_off_within=timedelta(days=10),
    related=("health/weekly", "health/quarterly", "security/checklist"),
)
