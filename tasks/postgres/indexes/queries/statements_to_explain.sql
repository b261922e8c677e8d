-- The whole text of the statements that took most time and were slow at least once. `statement` is not for people's
-- eyes: it goes back to the server, after EXPLAIN.
SELECT s.queryid::text AS key, min(s.query) AS statement, min(s.query) AS query, sum(s.calls)::bigint AS calls,
    sum(s.total_exec_time) / 1000 AS total_s, sum(s.total_exec_time) / sum(s.calls) / 1000 AS mean_s
FROM {schema}.pg_stat_statements s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    AND s.query ~* '^(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|insert|update|delete|merge)\y'
    AND s.query !~* '\y(pg_stat_|pg_class|pg_catalog|pg_locks|pg_index|information_schema)'
GROUP BY s.queryid
HAVING max(s.max_exec_time) >= 1000 * %(at_least_s)s AND sum(s.calls) >= %(calls)s
ORDER BY total_s DESC, key
LIMIT %(most)s
