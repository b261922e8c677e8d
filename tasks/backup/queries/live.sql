-- How many tables and rows there are, as far as the statistics tell.
SELECT count(*) AS tables, coalesce(sum(n_live_tup), 0)::bigint AS rows FROM pg_stat_user_tables
