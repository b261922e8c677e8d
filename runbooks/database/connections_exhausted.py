"""Nobody gets a connection to the database: no slot is free, a password is refused, or the server is down."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.pgbouncer.actions import ResetPool
from tasks.pgbouncer.checks import check_pooler
from tasks.postgres.connections.actions import EndIdleSessions, RestartApplication, RestartDatabase
from tasks.postgres.connections.checks import (
    check_can_connect,
    check_connection_slots,
    check_database_connection_limits,
    check_role_connection_limits,
)
from tasks.postgres.connections.faults import ChangePassword, StopServer, TakeAllSlots
from tasks.postgres.connections.roles import RaiseRoleLimit, SetPasswordAgain
from tasks.postgres.locks.checks import check_blocked_sessions, check_idle_in_transaction
from tasks.status_page.checks import check_provider_status

runbook = Runbook(
    title="Nobody gets a connection to the database",
    problem=(
        "The application cannot connect to its database: all connection slots are taken, a role or the pooler is at "
        "its limit, the password is refused, or the server is down. Every page that needs data fails at once."
    ),
    severity=Severity.P0,
    keywords=(
        "connection",
        "connections exhausted",
        "connection lost",
        "connection refused",
        "connection pool",
        "too many clients",
        "too many connections",
        "remaining connection slots are reserved",
        "password authentication failed",
        "could not connect to server",
        "max_connections",
        "pgbouncer",
        "pooler",
        "idle sessions",
        "timeout",
        "53300",
        "postgres",
    ),
    symptoms=(
        Symptom(alert="DatabaseConnectionLost"),
        Symptom(alert="PostgresTooManyConnections"),
        Symptom(alert="PostgresDown"),
        Symptom(alert="DatabaseHealthCheckFailing"),
        Symptom(heard="The application logs 'too many clients already' or 'remaining connection slots are reserved'."),
        Symptom(heard="The application logs 'Database connection failed' or 'Connection refused'."),
        Symptom(heard="The application logs 'password authentication failed' since somebody changed a password."),
        Symptom(heard="Requests time out while they wait for a connection from the pool."),
    ),
    diagnosis=(
        check_can_connect,
        check_connection_slots,
        check_role_connection_limits,
        check_database_connection_limits,
        check_pooler,
        # What sits idle in a transaction holds a slot too; behind a lock the whole pool waits, each holding one.
        check_idle_in_transaction,
        check_blocked_sessions,
        check_provider_status,
    ),
    resolution=(
        Step(EndIdleSessions(), when=check_connection_slots),
        Step(RaiseRoleLimit(), when=check_role_connection_limits),
        Step(SetPasswordAgain(), when=check_can_connect),
        Step(ResetPool(), when=check_pooler),
        Step(RestartApplication(), when=check_connection_slots),
        Step(RestartDatabase(), when=check_can_connect),
        Manual(
            "Free the sessions that wait for a lock",
            when=check_blocked_sessions,
            how="""\
Every session that waits for a lock holds a slot meanwhile. Open database/blocked-sessions: it ends the one at the head,
and the rest give their slots back by themselves.""",
        ),
        Manual(
            "Put a pooler between the application and the database",
            when=check_connection_slots,
            how="""\
Count what could connect at once: processes x pool size, of every application, and twice that during a deploy. If it is
more than the slots open to all roles, a slot is always missing some day. Two ways, the first one first:

1. Make the pools smaller. A Postgres serves about two to four active sessions for each core; a pool of 5 is plenty for
   most processes. Let pools close what is idle (idleTimeout, idle_session_timeout = '10min' from Postgres 14 on).
2. Put PgBouncer before it (pool_mode = transaction, default_pool_size = 20), or use the provider's (Supabase: port
   6543). Prepared statements, session variables, advisory locks and LISTEN then need care.

Raising max_connections needs a restart, and each slot costs memory: it buys time, no cure.""",
        ),
        Manual(
            "Keep slots for us",
            when=check_connection_slots,
            how="""\
So that the next diagnosis can look, and end sessions, when no slot is left. On Postgres 16 and later, then restart:

    ALTER SYSTEM SET reserved_connections = 5;
    GRANT pg_use_reserved_connections TO <the roles of url and action_url>;

Before 16 only superusers have slots kept for them (superuser_reserved_connections): set reserve_url to one.""",
        ),
        Manual(
            "Look why the pool is used up",
            when=check_pooler,
            how="""\
Resetting helps against stale server connections. When the pool is full of sessions that work or wait, look at
database/slow-queries and database/blocked-sessions: every second a statement takes longer costs its share of the pool.
A larger default_pool_size takes its slots from the database (check_connection_slots); then RELOAD. Only if server
connections hang for good, and everybody may lose what they are at: KILL <database>; RESUME <database>; in the admin
console.""",
        ),
        Manual(
            "Find out why nobody got in",
            when=check_can_connect,
            how="""\
The finding names the reason, and that decides where to look.

A password, a role, a limit, a database or a certificate is refused by a server that is up: ask who changed it and when
(a deploy, a rotation, an expiry: VALID UNTIL), for a restart changes none of them. Its log has each refusal.

Where nothing listened, the server was silent, or it broke off or recovered, it was down itself. Before you trust it
again, read the last lines of its log: a full disk ('No space left on device'), the kernel's out-of-memory killer
('terminated by signal 9'), a crashed extension ('terminated by signal 11') or a stop by a person ('received fast
shutdown request') each come back unless their cause is removed. With a hosted database, open the provider's console: it
may be paused, in maintenance, or out of its quota.""",
        ),
        Manual(
            "Wait for the provider",
            when=check_provider_status,
            how="""\
The provider reports trouble of its own. Do not restart or fail over against it: put a notice on your status page, note
the provider's incident number in this incident, and look again when it says that it is over.""",
        ),
    ),
    # An application that lost its connections comes back within a minute; half a minute shows whether it leaks again.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(
        Watch(check_can_connect, every=timedelta(minutes=1)),
        Watch(check_connection_slots, every=timedelta(minutes=5)),
        Watch(check_role_connection_limits, every=timedelta(minutes=15)),
        Watch(check_pooler, every=timedelta(minutes=5)),
    ),
    related=("database/blocked-sessions",),
    drills=(
        Drill(fault=TakeAllSlots(), noticed_by=check_connection_slots, resolved_by=EndIdleSessions),
        Drill(fault=ChangePassword(), noticed_by=check_can_connect, resolved_by=SetPasswordAgain),
        Drill(fault=StopServer(), noticed_by=check_can_connect, resolved_by=RestartDatabase),
    ),
)
