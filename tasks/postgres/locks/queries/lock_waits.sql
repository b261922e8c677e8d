-- Who waits for whom: a row for each session or prepared transaction that waits for a lock, or for which one waits.
-- `node` is the process id, a parallel query's that of its leader; a prepared transaction has none, and is the negative
-- of its transaction id. Those in `held_by` hold what is asked for, `held_strength` strong; those in `behind` asked before.
WITH
-- How strong each lock is, and which it keeps out: the same for tables, rows, transactions and advisory locks.
strengths (mode, strength, against) AS (
    VALUES
        ('AccessShareLock', 1, '{8}'::int[]),
        ('RowShareLock', 2, '{7,8}'),
        ('RowExclusiveLock', 3, '{5,6,7,8}'),
        ('ShareUpdateExclusiveLock', 4, '{4,5,6,7,8}'),
        ('ShareLock', 5, '{3,4,6,7,8}'),
        ('ShareRowExclusiveLock', 6, '{3,4,5,6,7,8}'),
        ('ExclusiveLock', 7, '{2,3,4,5,6,7,8}'),
        ('AccessExclusiveLock', 8, '{1,2,3,4,5,6,7,8}')
),
sessions AS MATERIALIZED (
    SELECT a.*, coalesce(a.leader_pid, a.pid)::bigint AS node, concat(a.usename, '/', a.application_name) = ANY (%(ours)s) AS ours
    FROM pg_stat_activity a
),
all_locks AS MATERIALIZED (
    SELECT
        l.*,
        ROW(l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid)::text
            AS object
    FROM pg_locks l
),
prepared AS MATERIALIZED (
    SELECT -x.transaction::text::bigint AS node, x.gid, x.owner, x.database, x.prepared, own.virtualtransaction
    FROM pg_prepared_xacts x
    JOIN all_locks own ON own.pid IS NULL AND own.locktype = 'transactionid' AND own.transactionid = x.transaction
),
locks AS MATERIALIZED (
    SELECT l.*, coalesce(s.node, l.pid, p.node) AS node
    FROM all_locks l
    LEFT JOIN sessions s ON s.pid = l.pid
    LEFT JOIN prepared p ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
),
waits AS MATERIALIZED (
    SELECT
        s.node, l.pid, l.object, l.locktype, l.mode, l.database, l.relation, l.transactionid, l.classid, l.objid, l.objsubid,
        pg_blocking_pids(l.pid) AS blockers,
        greatest(0, extract(epoch FROM clock_timestamp() - CASE
            -- Postgres 13 does not say when a wait began: the statement's start is the earliest it can be.
            WHEN NOT to_jsonb(l) ? 'waitstart' THEN coalesce(s.query_start, s.state_change)
            -- Empty for an instant when the wait begins.
            ELSE coalesce((to_jsonb(l) ->> 'waitstart')::timestamptz, clock_timestamp())
        END))::float8 AS waited_s,
        -- A row's waiters wait for its transaction; the first of them holds the row, which names the table.
        coalesce(l.relation, (
            SELECT t.relation FROM locks t WHERE t.pid = l.pid AND t.locktype = 'tuple' AND t.granted LIMIT 1
        )) AS waits_on
    FROM locks l
    JOIN sessions s ON s.pid = l.pid
    WHERE NOT l.granted
),
-- Not all from pg_blocking_pids: of a prepared transaction it says 0, whichever it is, and of a standby's `startup`
-- process, which replays the log and waits for the locks of those who read, it says nothing.
held AS MATERIALIZED (
    SELECT w.node AS waiter, h.node AS holder, max(k.strength) AS strength
    FROM waits w
    JOIN strengths a ON a.mode = w.mode
    JOIN locks h ON h.object = w.object AND h.granted AND h.node <> w.node
    JOIN strengths k ON k.mode = h.mode AND k.strength = ANY (a.against)
    GROUP BY w.node, h.node
    UNION ALL
    -- It waits for old snapshots, too, and has no lock for that. Whoever has the oldest is in its way.
    SELECT r.node, o.node, 1
    FROM sessions r
    CROSS JOIN LATERAL (
        SELECT s.node
        FROM sessions s
        WHERE s.backend_type = 'client backend' AND s.backend_xmin IS NOT NULL AND NOT s.ours
        ORDER BY age(s.backend_xmin) DESC, s.xact_start
        LIMIT 1
    ) o
    WHERE r.backend_type = 'startup' AND r.wait_event = 'RecoveryConflictSnapshot'
),
edges AS MATERIALIZED (
    SELECT waiter, holder, strength FROM held
    UNION
    SELECT w.node, b.pid, NULL
    FROM waits w, unnest(w.blockers) AS b (pid)
    WHERE b.pid NOT IN (0, w.node)
        AND NOT EXISTS (SELECT FROM held h WHERE (h.waiter, h.holder) = (w.node, b.pid))
        -- Whoever queues for a row waits for the first in that queue; each for all before him would be n * n / 2.
        AND (w.locktype <> 'tuple' OR NOT EXISTS (SELECT FROM held h WHERE h.waiter = w.node))
),
around AS MATERIALIZED (
    SELECT
        e.waiter AS node,
        array_agg(e.holder ORDER BY e.holder) FILTER (WHERE e.strength IS NOT NULL) AS held_by,
        array_agg(e.strength ORDER BY e.holder) FILTER (WHERE e.strength IS NOT NULL) AS held_strength,
        array_agg(e.holder ORDER BY e.holder) FILTER (WHERE e.strength IS NULL) AS behind
    FROM edges e
    GROUP BY e.waiter
),
longest AS (SELECT DISTINCT ON (node) * FROM waits ORDER BY node, waited_s DESC)
SELECT
    n.node,
    s.pid,
    s.backend_start,
    coalesce(s.backend_type, 'prepared transaction') AS backend_type,
    coalesce(s.usename, p.owner) AS "user",
    coalesce(r.rolsuper, false) AS superuser,
    coalesce(s.application_name, '') AS application,
    coalesce(host(s.client_addr), 'local') AS client,
    coalesce(s.datname, p.database) AS database,
    s.state,
    s.query,
    s.query_start,
    extract(epoch FROM clock_timestamp() - coalesce(s.xact_start, p.prepared))::float8 AS transaction_s,
    extract(epoch FROM clock_timestamp() - s.state_change)::float8 AS state_s,
    s.wait_event_type,
    s.wait_event,
    coalesce(s.ours, false) AS ours,
    p.gid,
    p.prepared,
    w.locktype,
    w.mode,
    k.strength,
    -- A name can be told in its own database only.
    CASE
        WHEN w.database IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
            OR w.database IS NULL AND s.datname = current_database()
        -- As people call it; any other schema is told.
        THEN regexp_replace(w.waits_on::regclass::text, '^public\.', '')
    END AS relation,
    -- As the application wrote it: one bigint, or two integers.
    CASE
        WHEN w.locktype <> 'advisory' THEN NULL
        WHEN w.objsubid = 2
            THEN format('(%%s, %%s)', w.classid::bigint::bit(32)::int, w.objid::bigint::bit(32)::int)
        ELSE ((w.classid::bigint << 32) | w.objid::bigint)::text
    END AS advisory_key,
    coalesce(w.waited_s, 0) AS waited_s,
    EXISTS (SELECT FROM locks l WHERE l.node = n.node AND l.granted AND l.locktype = 'advisory') AS holds_advisory,
    coalesce(a.held_by, '{}') AS held_by,
    coalesce(a.held_strength, '{}') AS held_strength,
    coalesce(a.behind, '{}') AS behind
FROM (SELECT waiter AS node FROM edges UNION SELECT holder FROM edges) n
LEFT JOIN sessions s ON s.pid = n.node
LEFT JOIN prepared p ON p.node = n.node
LEFT JOIN longest w ON w.node = n.node
LEFT JOIN strengths k ON k.mode = w.mode
LEFT JOIN around a ON a.node = n.node
LEFT JOIN pg_roles r ON r.rolname = coalesce(s.usename, p.owner)
WHERE s.pid IS NOT NULL OR p.node IS NOT NULL
ORDER BY n.node
