-- How many tables and rows there are, as far as the statistics tell, and the remark on this database.
SELECT count(*) AS tables, coalesce(sum(n_live_tup), 0)::bigint AS rows,
    (SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = current_database()) AS remark
FROM pg_stat_user_tables
