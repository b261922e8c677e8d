-- Mails a minute, of whole minutes only; one in which none went out is a row as well.
SELECT m.minute, coalesce(counted.mails, 0) AS mails
FROM generate_series(
    date_trunc('minute', now()) - make_interval(mins => %(minutes)s),
    date_trunc('minute', now()) - interval '1 minute',
    interval '1 minute'
) AS m (minute)
LEFT JOIN (
    SELECT date_trunc('minute', s.{sends.sent_at}) AS minute, count(*) AS mails
    FROM {sends} AS s
    WHERE s.{sends.sent_at} >= date_trunc('minute', now()) - make_interval(mins => %(minutes)s)
      AND s.{sends.sent_at} < date_trunc('minute', now())
      AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
    GROUP BY 1
) AS counted ON counted.minute = m.minute
ORDER BY m.minute
