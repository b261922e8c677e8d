-- Which of these sessions live, and whether each still runs the query that began at `query_start`.
SELECT a.pid, a.backend_start, a.state = 'active' AND a.query_start = t.query_start AS same_query
FROM pg_stat_activity a
JOIN unnest(%(pids)s::int[], %(backend_starts)s::timestamptz[], %(query_starts)s::timestamptz[])
    AS t (pid, backend_start, query_start)
    ON t.pid = a.pid AND t.backend_start = a.backend_start
ORDER BY a.pid
