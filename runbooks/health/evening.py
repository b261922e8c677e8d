"""Every evening: is anything left that somebody should know about before the night?"""

from datetime import time, timedelta

from runbooks.cadence import Cadence
from runbooks.checklist import Health
from runbooks.model import Manual
from tasks.application.sending.checks import check_send_failures, check_sender_pace, check_stuck_sends
from tasks.application.workflows.checks import check_expected_workflows, check_scheduler_pace, check_workflow_errors
from tasks.host.checks import check_host_disks, check_host_memory
from tasks.logs.checks import check_log_errors
from tasks.postgres.connections.checks import check_connection_slots
from tasks.postgres.locks.checks import check_blocked_sessions, check_idle_in_transaction, check_long_transactions
from tasks.postgres.replication.checks import check_replication_lag
from tasks.postgres.server.checks import check_cache_hits
from tasks.postgres.statements.checks import check_running_statements, check_slow_statements
from tasks.status_page.checks import check_provider_status
from tasks.website.checks import check_website_answers, check_website_pace

health = Health(
    title="Evening check",
    purpose=(
        "Hands the day over to the night: what is pending, what waits for an answer, and whether the status page says "
        "what is true."
    ),
    keywords=("evening", "daily", "end of day", "handover", "pending incidents", "checklist"),
    # Before people go home; a handover after midnight hands nothing over.
    cadence=Cadence(at=time(18, 0), due_for=timedelta(hours=4)),
    questions=(
        check_website_answers,
        check_website_pace,
        check_log_errors,
        check_provider_status,
        check_connection_slots,
        check_blocked_sessions,
        check_idle_in_transaction,
        check_long_transactions,
        check_running_statements,
        check_slow_statements,
        check_cache_hits,
        check_replication_lag,
        check_host_memory,
        check_host_disks,
        check_send_failures,
        check_stuck_sends,
        check_sender_pace,
        check_scheduler_pace,
        check_workflow_errors,
        check_expected_workflows,
    ),
    sign_offs=(
        Manual(
            "Hand over to the night",
            how="""\
Read the table above, then:

- say to whoever is on call tonight what is open, and what is known of it;
- bring the public status page to what is true, if anything on it is older than today.""",
        ),
    ),
    # The morning check finds it unsigned.
    sign_off_within=timedelta(hours=12),
    related=("health/morning",),
)
