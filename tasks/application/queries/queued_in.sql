-- How many mails of these campaigns wait to be sent.
SELECT count(*) AS mails
FROM jsonb_populate_recordset(NULL::{campaigns}, %(campaigns)s::jsonb) AS w
JOIN {sends} AS s ON s.{sends.campaign} = w.{campaigns.id}
WHERE s.{sends.status} IN {sends.statuses.queued}
