-- Mails that a sender took and has said nothing of since.
SELECT count(*) AS claimed, extract(epoch FROM now() - min(s.{sends.claimed_at}))::float8 AS oldest_s
FROM {sends} AS s
WHERE s.{sends.status} IN {sends.statuses.claimed}
