-- Mails that should have gone out by now and wait. Those of a campaign that does not run wait on purpose.
SELECT
    count(*) AS due,
    min(s.{sends.scheduled_for}) AS oldest,
    extract(epoch FROM now() - min(s.{sends.scheduled_for}))::float8 AS oldest_s
FROM {sends} AS s
WHERE s.{sends.status} IN {sends.statuses.queued} AND s.{sends.scheduled_for} <= now()
  [[AND NOT EXISTS (
      SELECT FROM {campaigns} AS c
      WHERE c.{campaigns.id} = s.{sends.campaign}
        AND (c.{campaigns.status} IN {campaigns.statuses.running}) IS NOT TRUE
  )]]
