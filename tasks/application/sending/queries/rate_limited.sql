-- How many attempts of the last hour the provider held back, as far as its words tell.
SELECT count(*) AS mails
FROM {sends} AS s
WHERE s.{sends.failed_at} >= now() - interval '1 hour' AND s.{sends.status} IN {sends.statuses.failed}
  AND (s.{sends.error}::text ~ '\m429\M' OR s.{sends.error}::text ~* 'rate.?limit|too many requests')
