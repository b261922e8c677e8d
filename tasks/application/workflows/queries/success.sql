-- How many runs of a workflow ended between two instants, and how many of them well.
SELECT count(*) AS runs, count(*) FILTER (WHERE x.{executions.status} IN {executions.statuses.success}) AS good
FROM {executions} AS x
WHERE x.{executions.workflow} = %(workflow)s
  AND x.{executions.finished_at} >= %(since)s AND x.{executions.finished_at} < %(until)s
  -- One that still runs has not ended, well or otherwise.
  AND (x.{executions.status} IN {executions.statuses.success} OR x.{executions.status} IN {executions.statuses.error})
