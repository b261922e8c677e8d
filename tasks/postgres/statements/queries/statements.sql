-- The statements of this database that took most time in all, and those in %(keys)s.
-- Maintenance, dumps and transaction control are left out: they are slow by nature, or not at all.
WITH counted AS MATERIALIZED (
    SELECT s.queryid::text AS key, s AS entry
    FROM {schema}.pg_stat_statements s
    WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND s.queryid IS NOT NULL
),
told AS (
    SELECT
        key,
        sum((entry).calls)::bigint AS calls,
        sum((entry).total_exec_time) / 1000 AS total_s,
        max((entry).max_exec_time) / 1000 AS max_s,
        sum((entry).shared_blks_hit + (entry).local_blks_hit)::float8 AS pages,
        sum((entry).shared_blks_read + (entry).local_blks_read + (entry).temp_blks_read
            + (entry).temp_blks_written)::float8 AS pages_read,
        min(regexp_replace((entry).query, '^(\s|--[^\n]*\n|/\*.*?\*/|\()+', '')) AS query
    FROM counted
    GROUP BY key
),
ranked AS (
    SELECT told.*, row_number() OVER (ORDER BY total_s DESC, key) AS rank
    FROM told
    WHERE query ~* '^(select|with|insert|update|delete|merge)\y'
        -- Questions about the server itself: ours, and other monitors'.
        AND query !~* '\y(pg_stat_|pg_class|pg_catalog|pg_locks|pg_index|information_schema)'
),
chosen AS MATERIALIZED (
    SELECT * FROM ranked WHERE rank <= %(most)s OR key = ANY (%(keys)s)
),
-- Since 17 each statement knows since when it is counted. Of the chosen only: to JSON costs more than all the rest.
since AS (
    SELECT key, min((to_jsonb(entry) ->> 'stats_since')::timestamptz) AS counted_since
    FROM counted
    WHERE key IN (SELECT key FROM chosen)
    GROUP BY key
),
{counting},
-- A crash empties this view like all others, and is no start of the server.
counts AS (
    SELECT
        extract(epoch FROM clock_timestamp())::float8 AS at_s,
        extract(epoch FROM clock_timestamp() - greatest(pg_postmaster_start_time(), c.emptied))::float8 AS longest_s
    FROM counting c
)
SELECT r.key, r.calls, r.total_s, r.max_s, r.pages, r.pages_read,
    coalesce(extract(epoch FROM clock_timestamp() - s.counted_since)::float8, c.longest_s) AS counted_for_s,
    r.query, c.at_s,
    -- SELECT ... FOR UPDATE and advisory locks are among them.
    r.query ~* '\y(insert|update|delete|merge|for\s+(key\s+)?share|pg_(try_)?advisory\w*)\y' AS locks_rows
FROM chosen r
JOIN since s USING (key)
CROSS JOIN counts c
ORDER BY r.total_s DESC, r.key
