"""Every Monday: what grows or decays too slowly to be noticed in a day."""

from datetime import time, timedelta

from runbooks.cadence import Cadence
from runbooks.checklist import Health, Ran
from runbooks.model import Manual
from runbooks.window import Day
from tasks.application.enrichment.checks import check_enrichment_failures, check_enrichment_waiting
from tasks.application.rows.checks import check_orphaned_rows, check_repeated_rows
from tasks.backup.checks import check_backup_copies, check_old_backups
from tasks.certificates.checks import check_certificate_files
from tasks.claude.checks import check_claude_request
from tasks.docker.checks import check_docker_leftovers, check_unused_volumes
from tasks.intake.checks import check_alert_refusals, check_alert_sources, check_runbooks_reached
from tasks.logs.checks import check_log_durations
from tasks.mail_domain.checks import check_mail_name_servers, check_mail_transport, check_user_domains
from tasks.million_verifier.checks import check_million_verifier_credits
from tasks.mirror.checks import check_row_counts, check_row_drift
from tasks.postgres.indexes.checks import (
    check_duplicate_indexes,
    check_idle_indexes,
    check_invalid_indexes,
    check_missing_indexes,
    check_sequential_scans,
)
from tasks.postgres.statements.checks import check_slow_statements
from tasks.postgres.tables.checks import check_index_bloat, check_table_bloat
from tasks.postgres.tables.sequences import check_sequences
from tasks.postgres.vacuum.checks import check_autovacuum, check_dead_rows, check_stale_statistics
from tasks.retention.checks import check_overdue_rows
from tasks.website.certificates.checks import check_website_certificates
from tasks.website.checks import check_website_redirects

health = Health(
    title="Weekly review",
    purpose=(
        "Looks at what a day does not show: slow statements, indexes nobody uses or that are missing, dead rows, "
        "sequences near their end, copies that drift apart, rows that are double or lead nowhere, certificates, and "
        "whether the week's maintenance was done."
    ),
    keywords=("weekly", "monday", "review", "slow queries", "sync", "error patterns", "failed enrichment", "checklist"),
    cadence=Cadence(at=time(9, 0), days=(Day.MONDAY,), due_for=timedelta(days=3)),
    questions=(
        check_slow_statements,
        check_missing_indexes,
        check_sequential_scans,
        check_idle_indexes,
        check_duplicate_indexes,
        check_invalid_indexes,
        check_stale_statistics,
        check_dead_rows,
        check_autovacuum,
        check_index_bloat,
        check_table_bloat,
        check_sequences,
        check_row_counts,
        check_row_drift,
        check_repeated_rows,
        check_orphaned_rows,
        check_website_redirects,
        check_website_certificates,
        check_certificate_files,
        check_mail_transport,
        check_mail_name_servers,
        check_user_domains,
        check_log_durations,
        check_overdue_rows,
        check_backup_copies,
        check_old_backups,
        check_enrichment_waiting,
        check_enrichment_failures,
        check_million_verifier_credits,
        check_claude_request,
        check_docker_leftovers,
        check_unused_volumes,
        check_alert_refusals,
        check_alert_sources,
        check_runbooks_reached,
    ),
    ran=(
        Ran("maintenance/backup", within=timedelta(days=2)),
        Ran("maintenance/cleanup", within=timedelta(days=8)),
        Ran("maintenance/certificates", within=timedelta(days=8)),
        Ran("maintenance/database", within=timedelta(days=8)),
        Ran("health/morning", within=timedelta(days=2)),
    ),
    objectives=True,
    sign_offs=(
        Manual(
            "Review the week",
            how="""\
- Which incidents came more than once this week? `incident timeline` lists them. Write the cause down, or open a task.
- Did any check warn all week? Mend it, or give it the limit that is right here.
- What do customers write about, and what do they complain of?""",
        ),
    ),
    sign_off_within=timedelta(days=4),
    related=("health/monthly", "maintenance/database", "database/slow-queries", "database/sync-drift"),
)
