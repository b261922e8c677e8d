-- Rows that are as they were seen get the figures that they lack; told is what they hold then.
UPDATE {analytics} AS t
SET {set}
FROM jsonb_array_elements(%(rows)s::jsonb) AS e (one)
CROSS JOIN LATERAL jsonb_populate_record(NULL::{analytics}, e.one -> 'to') AS w
WHERE t.{analytics.campaign} = w.{analytics.campaign} AND t.{analytics.date} = w.{analytics.date} AND {unchanged}
RETURNING t.{analytics.campaign}::text AS campaign, t.{analytics.date}::text AS day{held}
