-- How many sessions clients have open.
SELECT count(*)::int AS sessions
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND concat(usename, '/', application_name) <> ALL (%(ours)s)
