-- How far behind ANALYZE and VACUUM are, in multiples of what makes autovacuum come; tables from %(at_least)s rows.
-- The size of one that is locked is the server's own estimate.
WITH {locked_out},
{counting},
options AS (
    SELECT c.oid, o.option_name AS name, o.option_value AS value
    FROM pg_class c, pg_options_to_table(c.reloptions) o
),
tables AS (
    SELECT s.*, n.oid AS schema_oid, c.relowner, c.oid AS table_oid,
        greatest(c.reltuples, 0)::float8 AS rows,
        c.relpages * current_setting('block_size')::float8 AS estimated_bytes,
        greatest(s.last_analyze, s.last_autoanalyze, s.last_vacuum, s.last_autovacuum) IS NULL AS never,
        -- A row a page at least, of a table whose rows nobody has counted.
        CASE WHEN c.reltuples <= 0 AND greatest(s.last_analyze, s.last_autoanalyze, s.last_vacuum, s.last_autovacuum)
            IS NULL AND s.relid NOT IN (SELECT relation FROM locked_out)
            THEN pg_relation_size(s.relid) / current_setting('block_size')::float8 ELSE 0 END AS pages,
        coalesce((SELECT value FROM options o WHERE o.oid = c.oid AND name = 'autovacuum_enabled')::bool, true)
            AND current_setting('autovacuum')::bool AS automatic,
        coalesce((SELECT value FROM options o WHERE o.oid = c.oid AND name = 'autovacuum_analyze_threshold'),
            current_setting('autovacuum_analyze_threshold'))::float8
        + coalesce((SELECT value FROM options o WHERE o.oid = c.oid AND name = 'autovacuum_analyze_scale_factor'),
            current_setting('autovacuum_analyze_scale_factor'))::float8 * greatest(c.reltuples, 0) AS analyze_at,
        least(
            coalesce((SELECT value FROM options o WHERE o.oid = c.oid AND name = 'autovacuum_vacuum_threshold'),
                current_setting('autovacuum_vacuum_threshold'))::float8
            + coalesce((SELECT value FROM options o WHERE o.oid = c.oid AND name = 'autovacuum_vacuum_scale_factor'),
                current_setting('autovacuum_vacuum_scale_factor'))::float8 * greatest(c.reltuples, 0),
            -- Since 18 a cap; -1 is none.
            nullif(current_setting('autovacuum_vacuum_max_threshold', true)::float8, -1)
        ) AS vacuum_at
    FROM pg_stat_user_tables s
    JOIN pg_class c ON c.oid = s.relid AND c.relpersistence <> 't'
    JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT
    t.schemaname AS schema,
    t.relname AS table,
    t.n_live_tup::float8 AS live,
    t.n_dead_tup::float8 AS dead,
    t.n_mod_since_analyze::float8 AS changed,
    t.n_mod_since_analyze / greatest(t.analyze_at, 1) AS analyze_lag,
    t.n_dead_tup / greatest(t.vacuum_at, 1) AS vacuum_lag,
    t.automatic,
    t.last_analyze,
    t.last_vacuum,
    greatest(t.last_analyze, t.last_autoanalyze) IS NOT NULL AS ever_analyzed,
    extract(epoch FROM clock_timestamp() - coalesce(greatest(t.last_analyze, t.last_autoanalyze),
        greatest(pg_postmaster_start_time(), g.since)))::float8 AS analyzed_s,
    extract(epoch FROM clock_timestamp() - coalesce(greatest(t.last_vacuum, t.last_autovacuum),
        greatest(pg_postmaster_start_time(), g.since)))::float8 AS vacuumed_s,
    -- It has rows that the counters do not know: they were emptied since, and autovacuum goes by them as well.
    t.never AND t.n_live_tup + t.n_dead_tup < greatest(t.rows, t.pages) / 2 AND NOT pg_is_in_recovery() AS uncounted,
    format('%%I.%%I', t.schemaname, t.relname) AS ident,
    g.began,
    extract(epoch FROM clock_timestamp() - g.since)::float8 AS counted_for_s,
    EXISTS (SELECT FROM pg_stat_progress_vacuum p WHERE p.relid = t.relid) AS in_vacuum,
    pg_has_role(t.relowner, 'USAGE') OR EXISTS (
        SELECT FROM pg_roles r WHERE r.rolname = 'pg_maintain' AND pg_has_role(r.oid, 'USAGE')
    ) AS may_maintain,
    {grant t.relowner} AS grant_owner,
    CASE WHEN t.relid IN (SELECT relation FROM locked_out) THEN t.estimated_bytes ELSE pg_table_size(t.relid) END
        AS bytes,
    count(*) OVER ()::int AS tables,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM tables t
CROSS JOIN counting g
WHERE greatest(t.n_live_tup, t.n_dead_tup, t.rows, t.pages) >= %(at_least)s
ORDER BY greatest(t.n_mod_since_analyze / greatest(t.analyze_at, 1), t.n_dead_tup / greatest(t.vacuum_at, 1)) DESC, 1, 2
