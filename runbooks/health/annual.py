"""Once a year: what may be archived, who has to be taught, and what nobody questions any more."""

from datetime import time, timedelta

from runbooks.cadence import Cadence
from runbooks.checklist import Health, Ran
from runbooks.model import Manual
from runbooks.window import Day
from tasks.postgres.tables.checks import check_database_size
from tasks.postgres.tables.sequences import check_sequences
from tasks.postgres.vacuum.age import check_transaction_age
from tasks.retention.checks import check_overdue_rows
from tasks.website.certificates.checks import check_website_certificates

health = Health(
    title="Annual review",
    purpose="Has people look once a year at what is true until somebody asks: archives, contracts, security, training.",
    keywords=("annual", "yearly", "archive", "security audit", "training", "checklist"),
    cadence=Cadence(at=time(10, 0), days=(Day.TUESDAY,), weeks=(3,), months=(1,), due_for=timedelta(days=30)),
    questions=(
        check_database_size,
        check_transaction_age,
        check_sequences,
        check_overdue_rows,
        check_website_certificates,
    ),
    ran=(Ran("health/quarterly", within=timedelta(days=120)),),
    sign_offs=(
        Manual(
            "Archive what is older than a year",
            how="Archive, do not delete: an address that must not be mailed stays known for ever.",
        ),
        Manual(
            "Have the security audited",
            how="By somebody who did not build it. Their findings become tasks with a date.",
        ),
        Manual(
            "Review contracts and plans",
            how="Providers' plans and prices; who would answer, and how soon, if one failed.",
        ),
        Manual(
            "Teach everybody on call",
            how="Each goes through one drill alone, from the alert to the signed post-mortem.",
        ),
    ),
    sign_off_within=timedelta(days=30),
    related=("health/quarterly",),
)
