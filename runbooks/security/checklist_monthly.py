"""Every month: an audit of our own, and that people know what to do."""

from datetime import time, timedelta

from runbooks.cadence import Cadence
from runbooks.checklist import Health, Ran
from runbooks.model import Manual
from runbooks.window import Day
from tasks.mail_domain.checks import check_dkim, check_dmarc
from tasks.postgres.connections.checks import check_role_connection_limits
from tasks.website.certificates.checks import check_website_certificates
from tasks.website.checks import check_website_redirects

health = Health(
    title="Security check of the month",
    purpose="Has the team audit itself once a month, and keep knowing what to do.",
    keywords=("security", "monthly", "audit", "penetration test", "training", "checklist"),
    cadence=Cadence(at=time(14, 0), days=(Day.THURSDAY,), weeks=(2,), due_for=timedelta(days=7)),
    questions=(
        check_website_certificates,
        check_website_redirects,
        check_role_connection_limits,
        check_dmarc,
        check_dkim,
    ),
    ran=(Ran("security/checklist-weekly", within=timedelta(days=10)),),
    sign_offs=(
        Manual("Audit", how="One area a month, by turns: accounts, secrets, network, dependencies, backups, logs."),
        Manual(
            "Try to get in", how="Attack one entrance of your own, in staging; write down what was found, and mend it."
        ),
        Manual(
            "Teach", how="One thing everybody has to know: a phishing mail that came, or what to do with a lost laptop."
        ),
    ),
    sign_off_within=timedelta(days=14),
    related=("security/checklist-weekly",),
)
