-- Mails that wait to be sent to leads that are not enrolled in their campaign, whenever they are due.
SELECT s.{sends.id}::text AS id, s.{sends.status}::text AS status, s.{sends.campaign}::text AS campaign
FROM {sends} AS s
WHERE s.{sends.status} IN {sends.statuses.queued}
  AND NOT EXISTS (
      SELECT FROM {enrolments} AS e
      WHERE e.{enrolments.lead} = s.{sends.lead} AND e.{enrolments.campaign} = s.{sends.campaign}
  )
ORDER BY s.{sends.id}
LIMIT %(most)s
