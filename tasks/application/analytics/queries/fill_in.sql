-- New rows for days that have none; told is what they hold. A row that came meanwhile is left alone.
INSERT INTO {analytics} AS t ({columns})
SELECT {new} FROM jsonb_populate_recordset(NULL::{analytics}, %(rows)s::jsonb) AS w
ON CONFLICT ({analytics.campaign}, {analytics.date}) DO NOTHING
RETURNING t.{analytics.campaign}::text AS campaign, t.{analytics.date}::text AS day{held}
