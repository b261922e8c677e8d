-- The reasons that readers gave for leaving since then, those that two gave or more: the most frequent first.
SELECT
    coalesce(nullif(lower(btrim(left(e.{events.detail}::text, 80))), ''), 'none given') AS reason,
    count(DISTINCT e.{events.send}) AS readers,
    (SELECT count(DISTINCT a.{events.send}) FROM {events} AS a
     WHERE a.{events.type} IN {events.types.unsubscribe} AND a.{events.at} >= %(since)s) AS total
FROM {events} AS e
WHERE e.{events.type} IN {events.types.unsubscribe} AND e.{events.at} >= %(since)s
GROUP BY 1
-- What one reader wrote may name him.
HAVING count(DISTINCT e.{events.send}) > 1
ORDER BY 2 DESC, 1
LIMIT 20
