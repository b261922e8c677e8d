-- Which of these sessions wait for another one.
SELECT t.pid FROM unnest(%(pids)s::int[]) AS t (pid) WHERE cardinality(pg_blocking_pids(t.pid)) > 0
