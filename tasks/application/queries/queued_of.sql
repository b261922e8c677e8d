-- The mails to exactly these leads that wait to be sent.
SELECT s.{sends.id}::text AS key, s.{sends.status}::text AS status
FROM jsonb_populate_recordset(NULL::{leads}, %(leads)s::jsonb) AS l
JOIN {sends} AS s ON s.{sends.lead} = l.{leads.id}
WHERE s.{sends.status} IN {sends.statuses.queued}
ORDER BY s.{sends.id}
LIMIT %(most)s
