-- How often the view was full, and the statements that were called least were forgotten.
SELECT i.dealloc::float8 AS times, current_setting('pg_stat_statements.max')::int AS room
FROM {schema}.pg_stat_statements_info i
