-- Is this workflow switched on, and when does it run next? A run that is due is overdue by so much; one to come, by less.
SELECT
    w.{workflows.id}::text AS id,
    w.{workflows.active}::text AS active,
    coalesce(w.{workflows.active} IN {workflows.states.on}, false) AS "on"
    [[, w.{workflows.next_run_at}::text AS next_run_at,
        CASE WHEN isfinite(w.{workflows.next_run_at})
             THEN extract(epoch FROM now() - w.{workflows.next_run_at}) END::float8 AS overdue_s,
        date_trunc('hour', now())::text AS due]]
FROM {workflows} AS w
WHERE w.{workflows.name} = %(workflow)s
LIMIT 2
