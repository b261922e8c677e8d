-- What the rows of these days hold now.
SELECT t.{analytics.campaign}::text AS campaign, t.{analytics.date}::text AS day{held}
FROM jsonb_populate_recordset(NULL::{analytics}, %(rows)s::jsonb) AS w
JOIN {analytics} AS t ON t.{analytics.campaign} = w.{analytics.campaign} AND t.{analytics.date} = w.{analytics.date}
