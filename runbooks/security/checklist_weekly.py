"""Every week: which weaknesses became known, and who may do what."""

from datetime import time, timedelta

from runbooks.cadence import Cadence
from runbooks.checklist import Health, Ran
from runbooks.model import Manual
from runbooks.window import Day
from tasks.exposed.checks import check_exposed_secrets
from tasks.mail_domain.checks import check_dmarc
from tasks.postgres.connections.checks import check_role_connection_limits
from tasks.vulnerabilities.checks import check_vulnerabilities
from tasks.website.certificates.checks import check_website_certificates
from tasks.website.checks import check_website_redirects

health = Health(
    title="Security check of the week",
    purpose="Has somebody look every week at known weaknesses, at updates and at permissions.",
    keywords=("security", "weekly", "vulnerability", "updates", "permissions", "checklist"),
    cadence=Cadence(at=time(14, 0), days=(Day.WEDNESDAY,), due_for=timedelta(days=2)),
    questions=(
        check_vulnerabilities,
        check_exposed_secrets,
        check_website_certificates,
        check_website_redirects,
        check_role_connection_limits,
        check_dmarc,
    ),
    ran=(Ran("security/checklist", within=timedelta(days=4)),),
    sign_offs=(
        Manual(
            "Look at known weaknesses",
            how="""\
What pip-audit, npm audit and the image scanner found, the worst first; each gets a date.

What runs is an image: an update in a checkout does not reach it. Raise the version in the lock file, have CI rebuild
the image, and have the scanner look at the new one. What has no newer version: can it be reached from outside, and can
that be taken away?""",
        ),
        Manual(
            "Review permissions", how="Who got a right this week, and does anybody keep one that is needed no more?"
        ),
    ),
    sign_off_within=timedelta(days=4),
    related=("security/checklist", "security/checklist-monthly"),
)
