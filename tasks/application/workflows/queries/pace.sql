-- How long the runs of a workflow took that ended well in the last hour; where they worked on more than a thousand
-- things, for a thousand of them.
SELECT
    count(*) AS runs,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY r.took_s / r.thousands)::float8 AS took_s,
    max(r.took_s)::float8 AS longest_s
FROM (
    SELECT
        {executions.duration_s}::float8 AS took_s,
        greatest(1, coalesce([[{executions.items},]] 0) / 1000.0)::float8 AS thousands
    FROM {executions}
    WHERE {executions.workflow} = %(workflow)s AND {executions.status} IN {executions.statuses.success}
      AND {executions.finished_at} >= now() - interval '1 hour' AND {executions.finished_at} <= now()
) AS r
