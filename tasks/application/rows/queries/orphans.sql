-- {child} since then that name a row of {parent} which is not there.
SELECT count(*) AS orphans, min(o.{{child}.{by}}::text) AS example
FROM {{child}} AS o
WHERE o.{{child}.{at}} >= %(since)s AND o.{{child}.{by}} IS NOT NULL
  AND NOT EXISTS (SELECT FROM {{parent}} AS p WHERE p.{{parent}.id} = o.{{child}.{by}})
