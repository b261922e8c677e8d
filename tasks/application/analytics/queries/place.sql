-- The table of figures: is it plain, what may this role do with it, does an index keep one row a campaign and day, and
-- which columns must a new row have?
SELECT
    format('%%I.%%I', n.nspname, c.relname) AS relation,
    greatest(c.reltuples, 0)::float8 AS estimated,
    c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid) AS plain,
    row_security_active(c.oid) AS filtered,
    current_user AS "user",
    has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
        AND has_table_privilege(c.oid, 'DELETE') AS may_write,
    format('GRANT SELECT, INSERT, UPDATE, DELETE ON %%I.%%I TO %%I;', n.nspname, c.relname, current_user) AS grant_write,
    EXISTS (
        SELECT FROM pg_index i
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indnatts = 2
          AND i.indpred IS NULL AND i.indexprs IS NULL
          AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text) FROM pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[]))
              = (SELECT array_agg(k ORDER BY k) FROM unnest(%(keys)s::text[]) AS k)
    ) AS guarded,
    format('CREATE UNIQUE INDEX CONCURRENTLY ON %%I.%%I (%%s);', n.nspname, c.relname,
           (SELECT string_agg(quote_ident(k), ', ') FROM unnest(%(keys)s::text[]) AS k)) AS make_guard,
    ARRAY(
        SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef
          AND a.attidentity = '' AND a.attgenerated = '' AND a.attname <> ALL (%(written)s)
        ORDER BY a.attnum
    ) AS lacking
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
