-- Rows that we completed, and that still hold what they held then, are as they were.
UPDATE {analytics} AS t
SET {back}
FROM jsonb_array_elements(%(rows)s::jsonb) AS e (one)
CROSS JOIN LATERAL jsonb_populate_record(NULL::{analytics}, e.one -> 'to') AS w
WHERE t.{analytics.campaign} = w.{analytics.campaign} AND t.{analytics.date} = w.{analytics.date} AND {unchanged}
RETURNING t.{analytics.campaign}::text AS campaign, t.{analytics.date}::text AS day
