-- What a REINDEX CONCURRENTLY that broke off left beside the index it was to replace: invalid, and nobody builds it now.
SELECT format('DROP INDEX CONCURRENTLY %%I.%%I;', n.nspname, c.relname) AS drop_line,
    n.nspname AS schema, t.relname AS table, format('%%I.%%I', n.nspname, c.relname) AS ident
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_index o ON o.indexrelid = to_regclass(%(ident)s) AND o.indrelid = i.indrelid AND o.indexrelid <> i.indexrelid
WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'
    AND (i.indkey, i.indclass, i.indcollation, i.indisunique) = (o.indkey, o.indclass, o.indcollation, o.indisunique)
    AND pg_get_expr(i.indpred, i.indrelid) IS NOT DISTINCT FROM pg_get_expr(o.indpred, o.indrelid)
    AND pg_get_expr(i.indexprs, i.indrelid) IS NOT DISTINCT FROM pg_get_expr(o.indexprs, o.indrelid)
    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
