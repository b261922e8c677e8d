-- What was attempted between two instants, by when the attempt ended: a mail of last week that fails now counts.
SELECT went_out.*, failed.*
FROM (
    SELECT
        count(*) AS went_out
        [[, count(s.{sends.bounce_type}) AS bounced]]
        -- Early is not the opposite of late.
        [[, avg(greatest(extract(epoch FROM s.{sends.sent_at} - s.{sends.scheduled_for}), 0))::float8 AS delay_s]]
    FROM {sends} AS s
    WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
      AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
) AS went_out
CROSS JOIN (
    SELECT count(*) AS failed
    FROM {sends} AS s
    WHERE s.{sends.failed_at} >= %(since)s AND s.{sends.failed_at} < %(until)s
      AND s.{sends.status} IN {sends.statuses.failed}
) AS failed
