-- Of the mails between two instants, those that came back, by the domain they went to: the most first.
SELECT
    coalesce(nullif(lower(right(split_part(l.{leads.email}::text, '@', 2), 255)), ''), 'no domain') AS domain,
    count(*) AS mails,
    count(s.{sends.bounce_type}) AS bounced
FROM {sends} AS s
JOIN {leads} AS l ON l.{leads.id} = s.{sends.lead}
WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
  AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
GROUP BY 1
HAVING count(s.{sends.bounce_type}) > 0
ORDER BY 3 DESC, 1
LIMIT 500
