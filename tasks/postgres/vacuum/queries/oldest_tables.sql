-- The tables of this database whose oldest row is oldest; a table's out-of-line values are looked at with it.
SELECT
    regexp_replace(c.oid::regclass::text, '^public\.', '') AS table,
    greatest(age(c.relfrozenxid), age(t.relfrozenxid))::float8 AS transactions,
    greatest(mxid_age(c.relminmxid), mxid_age(t.relminmxid))::float8 AS multixacts,
    8 * (c.relpages + coalesce(t.relpages, 0)) * 1024::float8 AS about_bytes,
    EXISTS (SELECT FROM pg_stat_progress_vacuum p WHERE p.relid IN (c.oid, t.oid)) AS in_vacuum
FROM pg_class c
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
WHERE c.relkind IN ('r', 'm', 't') AND c.relfrozenxid <> '0' AND c.relpersistence <> 't'
ORDER BY greatest(age(c.relfrozenxid), age(t.relfrozenxid), mxid_age(c.relminmxid), mxid_age(t.relminmxid)) DESC, 1
LIMIT 5
