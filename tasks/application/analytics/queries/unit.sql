-- The greatest rate of the last seven days: in percent one of them is above 1.
SELECT
    count(f.{analytics.open_rate}) AS figures,
    max(f.{analytics.open_rate})::float8 AS greatest
FROM {analytics} AS f
WHERE f.{analytics.date} > %(yesterday)s::date - 7 AND f.{analytics.date} <= %(yesterday)s::date
