-- Rows that we made, and that still hold what we wrote.
DELETE FROM {analytics} AS t
USING jsonb_array_elements(%(rows)s::jsonb) AS e (one)
CROSS JOIN LATERAL jsonb_populate_record(NULL::{analytics}, e.one -> 'to') AS w
WHERE t.{analytics.campaign} = w.{analytics.campaign} AND t.{analytics.date} = w.{analytics.date} AND {unchanged}
RETURNING t.{analytics.campaign}::text AS campaign, t.{analytics.date}::text AS day
