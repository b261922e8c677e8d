-- Enrolments that are due for longer than the grace, by campaign: only where the campaign runs.
SELECT
    c.{campaigns.id}::text AS campaign,
    [[left(c.{campaigns.name}::text, 100) AS name,]]
    count(*) AS overdue,
    extract(epoch FROM now() - min(e.{enrolments.due_at}))::float8 AS oldest_s,
    (sum(count(*)) OVER ())::bigint AS total,
    max(extract(epoch FROM now() - min(e.{enrolments.due_at}))) OVER ()::float8 AS longest_s
FROM {enrolments} AS e
JOIN {campaigns} AS c ON c.{campaigns.id} = e.{enrolments.campaign}
WHERE e.{enrolments.status} IN {enrolments.statuses.active}
  AND c.{campaigns.status} IN {campaigns.statuses.running}
  AND e.{enrolments.due_at} <= now() - make_interval(secs => %(grace_s)s)
GROUP BY c.{campaigns.id} [[, c.{campaigns.name}]]
ORDER BY 3 DESC, 1
LIMIT 20
