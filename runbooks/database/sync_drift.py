"""Two stores that should hold the same records do not: find the rows, and copy them from the source of truth."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.mirror.actions import SyncDriftedRows, SyncOneRecord
from tasks.mirror.checks import check_row_counts, check_row_drift
from tasks.mirror.faults import DriftRows
from tasks.mirror.resync import ResyncTables

runbook = Runbook(
    title="Two stores disagree about the same records",
    problem=(
        "The same records are kept in two stores and no longer agree: a customer is at one stage here and at another "
        "there, or appears in one of them only. Whatever reads the wrong one acts on it: mails go to people who "
        "unsubscribed, and new customers are not greeted."
    ),
    severity=Severity.P2,
    keywords=(
        "sync",
        "drift",
        "out of sync",
        "mirror",
        "replication",
        "copy",
        "compare",
        "mismatch",
        "missing rows",
        "prospect",
        "source of truth",
        "supabase",
        "d1",
        "postgres",
    ),
    symptoms=(
        Symptom(alert="DatabaseSyncDrift"),
        Symptom(heard="A prospect shows one stage in the CRM and another in the application."),
        Symptom(heard="E-mails or leads appear in one system and not in the other."),
        Symptom(heard="The nightly sync verification failed."),
    ),
    diagnosis=(check_row_counts, check_row_drift),
    resolution=(
        # First one, so that a wrong source of truth shows in one record and not in a hundred.
        Step(SyncOneRecord(), when=check_row_drift),
        Step(SyncDriftedRows(), when=check_row_drift),
        # For emergencies: moot unless a table differs in more rows than its max_rows.
        Step(ResyncTables(), when=check_row_drift),
        Manual(
            "Decide which store is right",
            when=check_row_drift,
            how="""\
For a table without a source of truth nothing is ever written. The finding shows the first records side by side, field
by field. Ask whoever owns the records which store people write to, then say so in environments.toml:

    source_of_truth = "left"   # or "right", in that table's entry of the mirror

and open the runbook again. If people write to both, no copy mends it: give each field one home first.""",
        ),
        Manual(
            "Find out why the copy fell behind",
            when=check_row_drift,
            how="""\
The rows agree again, yet what keeps them in step failed. Look in this order: does the sync job run (its last success,
its log, its credentials); does anything write to the store that follows (there should be one role that may, and it is
the job's); did a migration change one store only (the finding's `only in one store` names such columns); did a write
fail half way (all writes go to the source of truth first, and from there to the other).""",
        ),
    ),
    # The rows agree the moment the step commits; a minute shows whether a job writes the old values again.
    verification=Verify(hold=timedelta(minutes=1), within=timedelta(minutes=10)),
    prevention=(
        # Counting is cheap. Comparing reads both tables whole: once a day, as seed S1 has it.
        Watch(check_row_counts, every=timedelta(minutes=15)),
        Watch(check_row_drift, every=timedelta(days=1)),
    ),
    related=("database/blocked-sessions", "database/slow-queries"),
    drills=(Drill(fault=DriftRows(), noticed_by=check_row_drift, resolved_by=SyncDriftedRows),),
)
