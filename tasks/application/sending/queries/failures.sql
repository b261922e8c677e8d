-- Why attempts failed that ended between two instants, the most frequent first.
SELECT left(s.{sends.error}::text, 200) AS error, count(*) AS mails
FROM {sends} AS s
WHERE s.{sends.failed_at} >= %(since)s AND s.{sends.failed_at} < %(until)s
  AND s.{sends.status} IN {sends.statuses.failed}
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT 5
