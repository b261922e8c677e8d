-- Who holds up whom: one row for each session or prepared transaction at the head of a chain of lock waits,
-- and one for each circle of sessions that wait for each other.
-- Nodes are process ids; a prepared transaction has none and is the negative of its transaction id.
WITH RECURSIVE
locks AS MATERIALIZED (
    SELECT * FROM pg_locks
),
sessions AS MATERIALIZED (
    SELECT a.*, a.application_name = ANY (%(ours)s) AS ours FROM pg_stat_activity a
),
waits AS MATERIALIZED (
    SELECT
        -- pg_blocking_pids names the leader of a parallel query; so do we.
        coalesce(s.leader_pid, s.pid) AS pid,
        l.locktype, l.mode, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid,
        l.classid, l.objid, l.objsubid,
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
        )) AS waits_on,
        NOT s.ours
            -- CREATE INDEX CONCURRENTLY and the like wait for old transactions by design, and hold no request up.
            AND l.locktype <> 'virtualxid'
            AND s.backend_type NOT IN ('autovacuum worker', 'walsender') AS counts
    FROM locks l
    JOIN sessions s ON s.pid = l.pid
    WHERE NOT l.granted
),
prepared AS MATERIALIZED (
    SELECT -x.transaction::text::bigint AS node, x.gid, x.owner, x.database, x.prepared, own.virtualtransaction
    FROM pg_prepared_xacts x
    JOIN locks own ON own.pid IS NULL AND own.locktype = 'transactionid' AND own.transactionid = x.transaction
),
edges AS MATERIALIZED (
    SELECT DISTINCT w.pid::bigint AS waiter, b.pid::bigint AS blocker
    FROM waits w, unnest(w.blockers) AS b (pid)
    WHERE b.pid NOT IN (0, w.pid)
    UNION
    -- pg_blocking_pids says 0 for every prepared transaction: find which one by the lock it holds.
    SELECT w.pid, p.node
    FROM waits w
    JOIN locks h ON h.pid IS NULL AND h.granted
        AND (h.locktype, h.database, h.relation, h.page, h.tuple, h.transactionid, h.classid, h.objid, h.objsubid)
            IS NOT DISTINCT FROM
            (w.locktype, w.database, w.relation, w.page, w.tuple, w.transactionid, w.classid, w.objid, w.objsubid)
    JOIN prepared p ON p.virtualtransaction = h.virtualtransaction
    WHERE 0 = ANY (w.blockers)
),
-- From the heads downwards: upwards, a queue of n sessions has 2^n paths.
behind AS (
    SELECT e.blocker AS head, e.waiter FROM edges e WHERE e.blocker NOT IN (SELECT waiter FROM edges)
    UNION
    SELECT b.head, e.waiter FROM behind b JOIN edges e ON e.blocker = b.waiter
),
reached AS (
    SELECT e.blocker AS head, e.waiter FROM edges e WHERE e.waiter NOT IN (SELECT waiter FROM behind)
    UNION
    SELECT r.head, e.waiter FROM reached r JOIN edges e ON e.blocker = r.waiter
),
-- Who waits for itself stands in a circle; its smallest process id speaks for it.
chains AS (
    SELECT head, waiter, false AS circle FROM behind
    UNION ALL
    SELECT r.head, r.waiter, true FROM reached r
    WHERE EXISTS (SELECT FROM reached self WHERE self.head = r.head AND self.waiter = r.head)
        AND NOT EXISTS (
            SELECT FROM reached there JOIN reached back ON back.head = there.waiter AND back.waiter = there.head
            WHERE there.head = r.head AND there.waiter < r.head
        )
),
worst AS (
    SELECT DISTINCT ON (pid) * FROM waits WHERE counts AND waited_s >= %(at_least_s)s ORDER BY pid, waited_s DESC
),
heads AS (
    SELECT
        c.head,
        c.circle,
        count(*)::int AS waiting,
        count(*) FILTER (WHERE direct.waiter IS NOT NULL)::int AS waiting_directly,
        array_agg(w.pid ORDER BY w.waited_s DESC, w.pid) AS waiters,
        max(w.waited_s) AS waited_s,
        (array_agg(w.locktype ORDER BY direct.waiter IS NULL, w.waited_s DESC))[1] AS locktype,
        (array_agg(w.mode ORDER BY direct.waiter IS NULL, w.waited_s DESC))[1] AS mode,
        (array_agg(w.database ORDER BY w.waits_on IS NULL, direct.waiter IS NULL, w.waited_s DESC))[1] AS lock_database,
        (array_agg(w.waits_on ORDER BY w.waits_on IS NULL, direct.waiter IS NULL, w.waited_s DESC))[1] AS lock_relation
    FROM chains c
    JOIN worst w ON w.pid = c.waiter
    LEFT JOIN edges direct ON direct.waiter = c.waiter AND direct.blocker = c.head
    GROUP BY c.head, c.circle
)
SELECT
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
    coalesce(s.ours, false) AS ours,
    p.gid,
    CASE WHEN p.gid IS NOT NULL THEN format('ROLLBACK PREPARED %%L;', p.gid) END AS by_hand,
    h.circle,
    h.locktype,
    h.mode,
    -- A name can be told in its own database only.
    CASE
        WHEN h.lock_database IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
            OR h.lock_database IS NULL AND s.datname = current_database()
        -- As people call it; any other schema is told.
        THEN regexp_replace(h.lock_relation::regclass::text, '^public\.', '')
    END AS relation,
    h.waiting,
    h.waiting_directly,
    h.waiters,
    h.waited_s
FROM heads h
LEFT JOIN sessions s ON s.pid = h.head
LEFT JOIN prepared p ON p.node = h.head
LEFT JOIN pg_roles r ON r.rolname = coalesce(s.usename, p.owner)
WHERE s.pid IS NOT NULL OR p.node IS NOT NULL
ORDER BY h.waited_s DESC, s.pid
