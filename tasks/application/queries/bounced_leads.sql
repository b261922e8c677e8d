-- Leads whose mail came back for good since then, and that are not marked: the newest first.
SELECT
    l.{leads.id}::text AS lead,
    [[lower(right(split_part(l.{leads.email}::text, '@', 2), 255)) AS domain,]]
    l.{leads.status}::text AS status,
    count(*) AS bounces,
    max(s.{sends.sent_at})::timestamptz AS last,
    (count(*) OVER ())::bigint AS total
FROM {sends} AS s
JOIN {leads} AS l ON l.{leads.id} = s.{sends.lead}
WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.bounce_type} IN {sends.bounces.hard}
  AND (l.{leads.status} IN {leads.statuses.invalid}) IS NOT TRUE
GROUP BY l.{leads.id}, l.{leads.status}[[, l.{leads.email}]]
ORDER BY max(s.{sends.sent_at}) DESC, 1
LIMIT %(most)s
