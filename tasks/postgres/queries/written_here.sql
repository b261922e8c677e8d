-- How many rows of each table this session has written since it last told the statistics: what followed over foreign
-- keys, and what triggers did in this database, included. Partitions count for their table.
SELECT format('%%I.%%I', n.nspname, c.relname) AS "table",
    sum(s.n_tup_ins)::bigint AS inserted, sum(s.n_tup_upd)::bigint AS updated, sum(s.n_tup_del)::bigint AS deleted
FROM pg_stat_xact_all_tables s
JOIN pg_class c ON c.oid = coalesce(pg_partition_root(s.relid), s.relid)
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0 AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_t'
GROUP BY 1
ORDER BY 1
