-- The runs of a workflow that ended well since then ended in an error; told is what they were.
WITH chosen AS (
    SELECT x.{executions.id} AS id, x.{executions.status} AS status
    FROM {executions} AS x
    WHERE x.{executions.workflow} = %(workflow)s AND x.{executions.status} IN {executions.statuses.success}
      AND x.{executions.finished_at} >= now() - make_interval(secs => %(since_s)s)
), changed AS (
    UPDATE {executions} AS x SET {executions.status} = %(error)s FROM chosen WHERE x.{executions.id} = chosen.id
)
SELECT id::text, status::text FROM chosen
