-- The statements of this database that took most time in all, and those in %(keys)s.
-- Maintenance, dumps and transaction control are left out: they are slow by nature, or not at all.
WITH told AS (
    SELECT
        s.queryid::text AS key,
        sum(s.calls)::bigint AS calls,
        sum(s.total_exec_time) / 1000 AS total_s,
        max(s.max_exec_time) / 1000 AS max_s,
        sum(s.shared_blks_hit + s.local_blks_hit)::float8 AS pages,
        sum(s.shared_blks_read + s.local_blks_read + s.temp_blks_read + s.temp_blks_written)::float8 AS pages_read,
        -- Since 17 each statement knows since when it is counted.
        extract(epoch FROM clock_timestamp() - min((to_jsonb(s) ->> 'stats_since')::timestamptz))::float8 AS counted_for_s,
        min(regexp_replace(s.query, '^(\s|--[^\n]*\n|/\*.*?\*/|\()+', '')) AS query
    FROM {schema}.pg_stat_statements s
    WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND s.queryid IS NOT NULL
    GROUP BY s.queryid
),
counting AS (
    SELECT
        extract(epoch FROM clock_timestamp())::float8 AS at_s,
        pg_postmaster_start_time() AS server_start,
        extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS server_up_s
),
ranked AS (
    SELECT told.*, row_number() OVER (ORDER BY total_s DESC, key) AS rank
    FROM told
    WHERE query ~* '^(select|with|insert|update|delete|merge)\y'
        -- Questions about the server itself: ours, and other monitors'.
        AND query !~* '\y(pg_stat_|pg_class|pg_catalog|pg_locks|pg_index|information_schema)'
)
SELECT r.key, r.calls, r.total_s, r.max_s, r.pages, r.pages_read,
    coalesce(r.counted_for_s, c.server_up_s) AS counted_for_s, r.query, c.at_s,
    -- SELECT … FOR UPDATE and advisory locks are among them.
    r.query ~* '\y(insert|update|delete|merge|for\s+(key\s+)?share|pg_(try_)?advisory\w*)\y' AS locks_rows
FROM ranked r, counting c
WHERE r.rank <= %(most)s OR r.key = ANY (%(keys)s)
ORDER BY r.total_s DESC, r.key
