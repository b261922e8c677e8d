"""Every night: an export of the D1 database that was restored and compared."""

from datetime import time, timedelta

from runbooks.model import Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.d1.actions import BackUpD1
from tasks.d1.checks import check_d1_backup, check_d1_way_back
from tasks.model import Risk

maintenance = Maintenance(
    title="Back up D1",
    purpose=(
        "Exports the D1 database of Cloudflare, restores the export into SQLite, and compares each table's rows, texts "
        "and integers with the database. Only then it counts: exports have been seen that round integers and change "
        "texts, with exit code 0, and without --remote an empty one of 31 bytes is written. Nothing in D1 is changed; "
        "while Cloudflare makes the export, it answers nobody."
    ),
    keywords=("d1", "cloudflare", "backup", "export", "sqlite", "restore", "wrangler"),
    # When few ask: the database answers nobody for as long as the export takes.
    window=Window(start=time(3, 15), length=timedelta(hours=1), days=tuple(Day)),
    unattended=Risk.MODERATE,
    diagnosis=(check_d1_backup, check_d1_way_back),
    steps=(
        Step(BackUpD1(), when=check_d1_backup),
        Manual(
            "Copy it away from Cloudflare",
            when=check_d1_backup,
            how="""\
Time Travel goes back some weeks, and is gone with the database, the account, or a token in wrong hands. Look once that
the folder of backups is copied to somewhere else, with the other backups. To restore one:

    npx wrangler d1 create NAME-restored
    npx wrangler d1 execute NAME-restored --remote --file d1-DAY.sql

Then compare, and only then let the Worker use it.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=20)),
    related=("maintenance/backup", "application/worker-unresponsive"),
)
