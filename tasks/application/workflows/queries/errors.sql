-- Runs that failed between two instants, by workflow.
SELECT
    x.{executions.workflow} AS workflow,
    count(*) AS errors,
    max(x.{executions.finished_at}) AS last_at,
    [[(array_agg(left(x.{executions.error}::text, 200) ORDER BY x.{executions.finished_at} DESC))[1] AS last_error,]]
    (sum(count(*)) OVER ())::bigint AS total
FROM {executions} AS x
WHERE x.{executions.finished_at} >= %(since)s AND x.{executions.finished_at} < %(until)s
  AND x.{executions.status} IN {executions.statuses.error}
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT 20
