-- The campaigns that are paused although leads are enrolled in them whose mails go on.
SELECT
    c.{campaigns.id}::text AS key,
    c.{campaigns.status}::text AS status
    [[, left(c.{campaigns.name}::text, 100) AS name]],
    (SELECT count(*) FROM {enrolments} AS e
     WHERE e.{enrolments.campaign} = c.{campaigns.id} AND e.{enrolments.status} IN {enrolments.statuses.active}) AS leads
FROM {campaigns} AS c
WHERE c.{campaigns.status} IN {campaigns.statuses.paused}
  AND NOT EXISTS (SELECT FROM {campaigns} AS r WHERE r.{campaigns.status} IN {campaigns.statuses.running})
ORDER BY c.{campaigns.id}
LIMIT 5001
