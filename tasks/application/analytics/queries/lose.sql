-- A drill: the figures of the last days are gone.
DELETE FROM {analytics} AS t
WHERE t.{analytics.date} > (now() AT TIME ZONE %(time_zone)s)::date - 1 - %(days)s::int
  AND t.{analytics.date} < (now() AT TIME ZONE %(time_zone)s)::date
RETURNING to_jsonb(t)::text AS kept
