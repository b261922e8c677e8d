-- Of each workflow that is expected, whether or not it has a row: its last success, and how its last run ended.
SELECT
    w.name AS workflow,
    good.at AS last_success,
    extract(epoch FROM now() - good.at)::float8 AS silent_s,
    ran.at AS last_run,
    extract(epoch FROM now() - ran.at)::float8 AS idle_s,
    ran.failed AS last_failed
FROM unnest(%(names)s::text[]) AS w (name)
LEFT JOIN LATERAL (
    SELECT x.{executions.finished_at} AS at
    FROM {executions} AS x
    WHERE x.{executions.workflow} = w.name AND x.{executions.status} IN {executions.statuses.success}
      AND x.{executions.finished_at} >= now() - make_interval(days => %(days)s)
      AND x.{executions.finished_at} <= now()
    ORDER BY x.{executions.finished_at} DESC
    LIMIT 1
) AS good ON true
LEFT JOIN LATERAL (
    SELECT x.{executions.finished_at} AS at, x.{executions.status} IN {executions.statuses.error} AS failed
    FROM {executions} AS x
    WHERE x.{executions.workflow} = w.name
      AND x.{executions.finished_at} >= now() - make_interval(days => %(days)s)
      AND x.{executions.finished_at} <= now()
    ORDER BY x.{executions.finished_at} DESC
    LIMIT 1
) AS ran ON true
