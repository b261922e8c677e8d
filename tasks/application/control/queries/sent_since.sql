-- What went out after an instant, and when the last mail did.
SELECT count(*) AS mails, max(s.{sends.sent_at}) AS last
FROM {sends} AS s
WHERE s.{sends.sent_at} > %(since)s AND s.{sends.sent_at} <= now()
  AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
