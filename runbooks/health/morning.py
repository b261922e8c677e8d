"""Every morning: is all well before customers come, and does anything wait for somebody?"""

from datetime import time, timedelta

from runbooks.cadence import Cadence
from runbooks.checklist import Health, Ran
from tasks.application.analytics.checks import check_analytics_behind, check_rates_unit
from tasks.application.control.checks import check_emergency_stop
from tasks.application.figures.checks import check_key_figures
from tasks.application.onboarding.checks import check_onboarding_failed
from tasks.application.onboarding.connections import check_calendar_connections
from tasks.application.reactions.checks import (
    check_bounces_by_kind,
    check_clicks,
    check_complaints,
    check_opens,
    check_unsubscribes,
)
from tasks.application.sending.checks import check_send_failures, check_sent_yesterday, check_stuck_sends
from tasks.application.workflows.checks import (
    check_expected_workflows,
    check_overdue_enrolments,
    check_workflow_errors,
)
from tasks.backup.checks import check_backup_room, check_newest_backup
from tasks.bounces.checks import check_feedback_reports
from tasks.claude.checks import check_claude_credit, check_claude_key
from tasks.grok.checks import check_grok_credit, check_grok_key
from tasks.host.checks import check_host_cpu, check_host_disks, check_host_memory
from tasks.imap.checks import check_imap_login
from tasks.logs.checks import check_log_errors, check_log_mail, check_log_written
from tasks.mail_domain.checks import (
    check_declared_records,
    check_dkim,
    check_dmarc,
    check_domain_blocklists,
    check_ip_blocklists,
    check_spf,
)
from tasks.mail_provider.access.checks import check_mail_provider_key, check_mail_provider_standing
from tasks.mail_provider.mails.checks import check_mail_provider_bounces, check_mail_provider_complaints
from tasks.million_verifier.checks import check_million_verifier_credits
from tasks.n8n.workflows.checks import check_n8n_active, check_n8n_last_runs
from tasks.pgbouncer.checks import check_pooler
from tasks.postgres.connections.checks import check_can_connect, check_connection_slots
from tasks.postgres.indexes.checks import check_invalid_indexes
from tasks.postgres.locks.checks import check_blocked_sessions, check_deadlocks, check_long_transactions
from tasks.postgres.replication.checks import check_replication_lag, check_replication_slots
from tasks.postgres.statements.checks import check_running_statements, check_slow_statements
from tasks.postgres.tables.checks import check_database_size
from tasks.postgres.vacuum.age import check_transaction_age
from tasks.queues.checks import check_queue_backlog, check_queue_paused
from tasks.queues.failures import check_failed_jobs
from tasks.redis.checks import check_redis_persistence
from tasks.smtp.checks import check_smtp_certificate, check_smtp_login
from tasks.status_page.checks import check_provider_status
from tasks.unipile.checks import check_unipile_accounts, check_unipile_key
from tasks.website.certificates.checks import check_website_certificates
from tasks.website.checks import check_website_answers, check_website_names, check_website_pace

health = Health(
    title="Morning check",
    purpose=(
        "Says in one table, before the working day begins, whether all is well: the website, the database, their "
        "machine and provider, yesterday's mail and workflows, what ran in the night, and what waits for an answer."
    ),
    keywords=("morning", "daily", "health check", "start of day", "checklist"),
    # Half an hour before most teams begin; after noon it is no morning check any more.
    cadence=Cadence(at=time(7, 30), due_for=timedelta(hours=5)),
    questions=(
        check_website_answers,
        check_website_pace,
        check_website_names,
        check_website_certificates,
        check_log_errors,
        check_log_mail,
        check_log_written,
        check_provider_status,
        check_can_connect,
        check_connection_slots,
        check_pooler,
        check_blocked_sessions,
        check_long_transactions,
        check_deadlocks,
        check_running_statements,
        check_slow_statements,
        check_invalid_indexes,
        check_replication_lag,
        check_replication_slots,
        check_transaction_age,
        check_database_size,
        check_host_cpu,
        check_host_memory,
        check_host_disks,
        check_newest_backup,
        check_backup_room,
        check_emergency_stop,
        check_sent_yesterday,
        check_send_failures,
        check_stuck_sends,
        check_overdue_enrolments,
        check_workflow_errors,
        check_expected_workflows,
        check_queue_backlog,
        check_queue_paused,
        check_failed_jobs,
        check_redis_persistence,
        check_bounces_by_kind,
        check_complaints,
        check_opens,
        check_clicks,
        check_unsubscribes,
        check_n8n_active,
        check_n8n_last_runs,
        check_mail_provider_key,
        check_mail_provider_standing,
        check_mail_provider_bounces,
        check_mail_provider_complaints,
        check_feedback_reports,
        check_smtp_login,
        check_smtp_certificate,
        check_imap_login,
        check_spf,
        check_dkim,
        check_dmarc,
        check_declared_records,
        check_ip_blocklists,
        check_domain_blocklists,
        check_analytics_behind,
        check_rates_unit,
        check_key_figures,
        check_onboarding_failed,
        check_calendar_connections,
        check_claude_key,
        check_claude_credit,
        check_grok_key,
        check_grok_credit,
        check_million_verifier_credits,
        check_unipile_key,
        check_unipile_accounts,
    ),
    ran=(
        Ran("maintenance/backup", within=timedelta(days=2)),
        Ran("maintenance/database", within=timedelta(days=8)),
    ),
    related=("health/evening", "health/weekly", "maintenance/database"),
)
