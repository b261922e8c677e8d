-- How to make a table of our own that takes what this one takes: types, NOT NULL, CHECK and computed columns. No defaults
-- (they would draw from sequences), no triggers, no indexes, no foreign keys; dropped with the transaction.
SELECT
    'pg_temp.' || quote_ident(m.name) AS ident,
    format('CREATE TEMP TABLE %%I (LIKE %%I.%%I INCLUDING CONSTRAINTS INCLUDING GENERATED) ON COMMIT DROP',
        m.name, n.nspname, c.relname) AS make,
    -- What the server fills in by itself when we name no value.
    (SELECT string_agg(format('ALTER COLUMN %%I DROP NOT NULL', a.attname), ', ')
     FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND a.attgenerated = ''
        AND (a.atthasdef OR a.attidentity <> '') AND a.attname <> ALL (%(written)s::text[])) AS loosen,
    -- Of a partitioned table: the rows that have a partition to go to.
    CASE c.relkind WHEN 'p' THEN coalesce((
        SELECT string_agg(coalesce(pg_get_partition_constraintdef(l.relid), 'true'), ' OR ')
        FROM pg_partition_tree(c.oid) l WHERE l.isleaf AND l.relid <> c.oid), 'false') ELSE 'true' END AS has_a_place,
    has_database_privilege(current_database(), 'TEMPORARY') AS may,
    format('GRANT TEMPORARY ON DATABASE %%I TO %%I;', current_database(), current_user) AS grant_temporary,
    current_user AS "user"
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
-- Of the same name, so that the server's words are true of the real one; unless another schema's is there already.
CROSS JOIN LATERAL (
    SELECT CASE WHEN to_regclass('pg_temp.' || quote_ident(c.relname)) IS NULL THEN c.relname::text
        ELSE left(concat(c.relname, ' of ', n.nspname), 63) END AS name
) m
WHERE c.oid = %(table)s::regclass
