-- Which database this is, by whatever name, pooler or address it was reached.
SELECT current_database() AS database, pg_postmaster_start_time() AS started,
       (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS oid
