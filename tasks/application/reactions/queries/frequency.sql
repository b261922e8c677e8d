-- How many leads got mail since then, how many of them more than so many mails, and the most that one got.
SELECT
    count(*) AS leads,
    count(*) FILTER (WHERE n.mails > %(cap)s) AS over,
    coalesce(max(n.mails), 0) AS most
FROM (
    SELECT count(*) AS mails
    FROM {sends} AS s
    WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} <= now()
      AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE AND s.{sends.lead} IS NOT NULL
    GROUP BY s.{sends.lead}
) AS n
