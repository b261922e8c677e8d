-- Mails that a sender has taken just now: it is at work.
SELECT count(*) AS mails FROM {sends} AS s
WHERE s.{sends.status} IN {sends.statuses.claimed} AND s.{sends.claimed_at} >= now() - make_interval(secs => %(within_s)s)
