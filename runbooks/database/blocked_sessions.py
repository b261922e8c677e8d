"""Sessions wait for a lock: one session holds it, the requests behind it hang."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.postgres.locks.actions import CancelBlockingQueries, TerminateBlockingSessions
from tasks.postgres.locks.checks import (
    check_blocked_sessions,
    check_deadlocks,
    check_idle_in_transaction,
    check_long_transactions,
)
from tasks.postgres.locks.faults import LeaveTransactionOpen
from tasks.postgres.replication.synchronous import check_synchronous_commits

runbook = Runbook(
    title="Sessions wait for a lock",
    problem=(
        "Requests hang because one session holds a lock that others wait for. Every new request that needs the same "
        "row or table joins the queue, until the connection pool is empty and the whole site stands still."
    ),
    severity=Severity.P1,
    keywords=(
        "lock",
        "blocked",
        "blocking",
        "deadlock",
        "idle in transaction",
        "long transaction",
        "hang",
        "stuck",
        "timeout",
        "pg_blocking_pids",
        "lock_timeout",
        "SyncRep",
        "synchronous_standby_names",
        "prepared transaction",
        "postgres",
    ),
    symptoms=(
        Symptom(alert="PostgresBlockedSessions"),
        Symptom(alert="PostgresIdleInTransaction"),
        Symptom(heard="The site hangs, yet the database's CPU is idle."),
        Symptom(heard="One page or one job never finishes; the others are fast."),
        Symptom(heard="A migration hangs, and since then everything does."),
        Symptom(heard="Everything that reads works; whatever writes hangs at its COMMIT."),
        Symptom(heard="The application logs 'canceling statement due to lock timeout' or 'deadlock detected'."),
    ),
    diagnosis=(
        check_blocked_sessions,
        check_synchronous_commits,
        check_long_transactions,
        check_idle_in_transaction,
        check_deadlocks,
    ),
    resolution=(
        Step(CancelBlockingQueries(), when=check_blocked_sessions),
        Step(TerminateBlockingSessions(), when=check_blocked_sessions),
        Manual(
            "Bring the synchronous standby back, or let commits go on without it",
            when=check_synchronous_commits,
            how="""\
Look first whether the standby runs and reaches this server (its log, the network): each COMMIT goes on as soon as it
answers. If it will not be back soon, and you accept that what is committed meanwhile is lost with this server:

    ALTER SYSTEM SET synchronous_standby_names = '';
    SELECT pg_reload_conf();

All that wait go on at once. To cancel the sessions instead undoes nothing: what they wrote is committed here, each
client gets a warning (SQLSTATE 01000), and the next COMMIT waits again. Set the names back when the standby has caught
up.""",
        ),
        Manual(
            "Give the application a lock_timeout",
            when=check_blocked_sessions,
            how="""\
So that the next forgotten lock costs each request five seconds instead of the whole site its connections:

    ALTER ROLE <application's role> SET lock_timeout = '5s';

It holds for new sessions; restart the application, or let its pool recycle. The application must expect SQLSTATE
55P03 (lock_not_available) and answer "try again". Migrations set their own, shorter one: SET lock_timeout = '2s'.""",
        ),
        Manual(
            "Let Postgres end sessions that idle in a transaction",
            when=check_idle_in_transaction,
            how="""\
A session that idles in a transaction is a bug in the application (a missing commit, or a call to another service
between BEGIN and COMMIT). The finding names it by application, user and last statement. Until the bug is mended:

    ALTER ROLE <application's role> SET idle_in_transaction_session_timeout = '60s';

It holds for new sessions. A session over the limit is ended and its transaction rolled back, so let the application
reconnect by itself first.""",
        ),
        Manual(
            "Ask the owner of a long transaction to end it",
            when=check_long_transactions,
            how="""\
The finding names the session by application, user and statement. A report: run it on a replica, or in pieces. A batch
job: commit every few thousand rows. If nobody owns it and it harms (VACUUM falls behind, disk fills), end it:

    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = <pid> AND backend_start = '<backend_start>';

Its whole transaction is rolled back. Both values stand in the finding; with both, no other session can be hit.
A prepared transaction has no session: the finding says what to ask, whom, and the two commands to choose from.""",
        ),
        Manual(
            "Make the code paths lock in one order",
            when=check_deadlocks,
            how="""\
The server's log holds, for each deadlock, both statements and the rows: search it for 'deadlock detected'. Two code
paths lock the same rows in opposite order: sort the rows before updating them (SELECT … ORDER BY id FOR UPDATE), or
lock the parent row first. Until then the application retries on SQLSTATE 40P01: the transaction was rolled back whole,
so repeating it is safe.""",
        ),
    ),
    # The queue behind the head drains in seconds; half a minute shows whether the same code path locks again.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=5)),
    prevention=(
        Watch(check_blocked_sessions, every=timedelta(minutes=5)),
        Watch(check_synchronous_commits, every=timedelta(minutes=5)),
        Watch(check_idle_in_transaction, every=timedelta(minutes=5)),
        Watch(check_long_transactions, every=timedelta(minutes=15)),
        Watch(check_deadlocks, every=timedelta(hours=1)),
    ),
    related=("database/connections-exhausted", "database/slow-queries", "database/performance-degradation"),
    drills=(
        Drill(fault=LeaveTransactionOpen(), noticed_by=check_blocked_sessions, resolved_by=TerminateBlockingSessions),
    ),
)
