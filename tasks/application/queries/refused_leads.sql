-- Leads whose mail was refused again and again since then, and that still get some: those refused most often first.
SELECT
    l.{leads.id}::text AS lead,
    [[lower(right(split_part(l.{leads.email}::text, '@', 2), 255)) AS domain,]]
    count(*) AS bounces,
    max(s.{sends.sent_at})::timestamptz AS last,
    (count(*) OVER ())::bigint AS total
FROM {sends} AS s
JOIN {leads} AS l ON l.{leads.id} = s.{sends.lead}
WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.bounce_type} IN {sends.bounces.soft}
  AND EXISTS (
      SELECT FROM {enrolments} AS e
      WHERE e.{enrolments.lead} = l.{leads.id} AND e.{enrolments.status} IN {enrolments.statuses.active}
  )
GROUP BY l.{leads.id}[[, l.{leads.email}]]
HAVING count(*) >= %(times)s
ORDER BY count(*) DESC, 1
LIMIT %(most)s
