-- Whether pg_stat_statements can be read here, and from which schema.
SELECT
    quote_ident(n.nspname) AS schema,
    has_schema_privilege(n.oid, 'USAGE') AS usable,
    CASE WHEN n.oid IS NOT NULL THEN format('GRANT USAGE ON SCHEMA %%I TO %%I;', n.nspname, current_user) END AS grant_usage,
    -- Since 14; the extension's own, and not what somebody else calls so.
    EXISTS (
        SELECT FROM pg_class c
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' AND d.refobjid = e.oid
        WHERE c.relnamespace = n.oid AND c.relname = 'pg_stat_statements_info'
    ) AS counts_forgotten,
    -- Since 14: a session shows by number which statement it executes.
    coalesce(current_setting('compute_query_id', true), 'off') <> 'off' AS numbers_sessions,
    -- The setting exists only where the library was loaded at the start.
    current_setting('pg_stat_statements.max', true) IS NOT NULL AS preloaded,
    current_database() AS database,
    -- An upgrade of the server leaves the extension as it was; these columns have their names since 1.8.
    CASE WHEN string_to_array(substring(e.extversion FROM '^\d+\.\d+'), '.')::int[] < ARRAY[1, 8] THEN e.extversion END AS outdated,
    current_setting('server_version_num')::int AS version_number
FROM (VALUES (1)) AS one (row)
LEFT JOIN pg_extension e ON e.extname = 'pg_stat_statements'
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
