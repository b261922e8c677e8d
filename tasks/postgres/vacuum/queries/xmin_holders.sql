-- Who keeps VACUUM from removing dead rows of this database: the oldest snapshots and transactions, of whatever kind.
-- With %(everywhere)s also who keeps rows from being frozen: those of other databases hold back the catalogs that all
-- share, and with them every database's age.
WITH here AS (SELECT d.oid, d.datname FROM pg_database d WHERE d.datname = current_database()),
holders AS (
    SELECT
        'session' AS kind, a.pid, a.backend_start, a.usename AS "user", a.application_name AS application,
        coalesce(host(a.client_addr), 'local') AS client, a.datname AS database, a.backend_type, a.state,
        a.wait_event, a.query,
        NULL::text AS gid, NULL::text AS slot, NULL::text AS by_hand,
        greatest(age(a.backend_xmin), age(a.backend_xid)) AS transactions,
        -- A transaction that has written nothing takes a new snapshot with each statement (READ COMMITTED): of one at
        -- work only the statement is sure. One that idles and has a snapshot keeps it (REPEATABLE READ, a cursor).
        extract(epoch FROM clock_timestamp() - CASE
            WHEN a.backend_xid IS NULL AND a.state = 'active' THEN a.query_start ELSE a.xact_start
        END)::float8 AS held_s,
        extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_s,
        extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS state_s,
        concat(a.usename, '/', a.application_name) = ANY (%(ours)s) AS ours
    FROM pg_stat_activity a, here
    WHERE (a.datid = here.oid OR %(everywhere)s)
        AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
        AND a.backend_type <> 'walsender'
        -- VACUUM itself holds nothing back; autovacuum's ANALYZE does, for a moment.
        AND a.backend_type <> 'autovacuum worker'
        AND a.pid NOT IN (SELECT v.pid FROM pg_stat_progress_vacuum v)
    UNION ALL
    SELECT
        'prepared transaction', NULL, NULL, p.owner, '', NULL, p.database, 'prepared transaction', NULL, NULL, NULL,
        p.gid, NULL, NULL,
        age(p.transaction), extract(epoch FROM clock_timestamp() - p.prepared)::float8,
        extract(epoch FROM clock_timestamp() - p.prepared)::float8, NULL, false
    FROM pg_prepared_xacts p, here
    WHERE p.database = here.datname OR %(everywhere)s
    UNION ALL
    SELECT
        'slot', s.active_pid, NULL, NULL, '', NULL, s.database, 'replication slot',
        CASE WHEN s.active THEN 'active' ELSE 'inactive' END,
        NULL, NULL, NULL, s.slot_name, format('SELECT pg_drop_replication_slot(%%L);', s.slot_name),
        -- The other mark holds back the system catalogs only.
        greatest(age(s.xmin), CASE WHEN %(everywhere)s THEN age(s.catalog_xmin) END), extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz)::float8,
        NULL, NULL, false
    FROM pg_replication_slots s
    WHERE s.xmin IS NOT NULL OR %(everywhere)s AND s.catalog_xmin IS NOT NULL
    UNION ALL
    -- Without a slot, a standby with hot_standby_feedback holds through the process that sends to it.
    SELECT
        'standby', r.pid, r.backend_start, r.usename, r.application_name, coalesce(host(r.client_addr), 'local'), NULL,
        'walsender', r.state, NULL, NULL, NULL, NULL, NULL, age(r.backend_xmin), NULL, NULL, NULL, false
    FROM pg_stat_replication r
    WHERE r.backend_xmin IS NOT NULL
)
SELECT h.*, coalesce(r.rolsuper, false) AS superuser, false AS circle, extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM holders h
LEFT JOIN pg_roles r ON r.rolname = h."user"
-- Every statement holds for as long as it takes.
WHERE h.held_s IS NULL OR h.held_s >= %(at_least_s)s
ORDER BY h.transactions DESC, h.held_s DESC NULLS LAST, h.pid
