"""Every day: does anybody try to get in, and does anything look otherwise than yesterday?"""

from datetime import time, timedelta

from runbooks.cadence import EVERY_DAY, Cadence
from runbooks.checklist import Health
from runbooks.model import Manual
from runbooks.window import Day
from tasks.logs.access import check_log_accounts, check_log_guessed
from tasks.logs.checks import check_log_logins
from tasks.mail_domain.checks import check_dmarc
from tasks.postgres.connections.checks import check_role_connection_limits
from tasks.website.certificates.checks import check_website_certificates
from tasks.website.checks import check_website_redirects

health = Health(
    title="Security check of the day",
    purpose="Has somebody look every working day at alerts, at suspicious activity and at who got in.",
    keywords=("security", "daily", "access log", "suspicious", "failed logins", "checklist"),
    cadence=Cadence(
        at=time(8, 30),
        days=tuple(day for day in EVERY_DAY if day < Day.SATURDAY),
        due_for=timedelta(hours=8),
    ),
    questions=(
        check_log_logins,
        check_log_accounts,
        check_log_guessed,
        check_website_certificates,
        check_website_redirects,
        check_role_connection_limits,
        # Whoever takes a domain over begins with its records.
        check_dmarc,
    ),
    sign_offs=(
        Manual(
            "Look at security alerts and access",
            how="""\
- Alerts of the identity provider, the hosting and the repository since yesterday.
- Failed logins by address and by account; a login from a country where nobody of yours is.
- Rights that were given since yesterday: to whom, by whom, why?

Anything odd is told at once to whoever is responsible for security; nothing is cleaned up before it is kept.""",
        ),
    ),
    sign_off_within=timedelta(hours=20),
    related=("security/checklist-weekly", "security/incident"),
)
