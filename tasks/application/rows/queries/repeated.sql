-- How many events there are since then, and how many different ones; healthy is when both are the same.
SELECT count(e.{events.once}) AS events, count(DISTINCT e.{events.once}) AS different
FROM {events} AS e
WHERE e.{events.at} >= %(since)s
