-- The tables with an index of about %(at_least)s bytes and more of which nobody can say what it is: they are locked, or
-- one of their indexes is.
WITH {locked_out}
SELECT t.oid::bigint AS table_oid, format('%%I.%%I', n.nspname, t.relname) AS ident
FROM pg_class t
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE t.oid IN (SELECT coalesce(i.indrelid, k.relation) FROM locked_out k LEFT JOIN pg_index i ON i.indexrelid = k.relation)
    AND EXISTS (
        SELECT FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = t.oid AND c.relpages * current_setting('block_size')::float8 >= %(at_least)s
    )
ORDER BY 2
