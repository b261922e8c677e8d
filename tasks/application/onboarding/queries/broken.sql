-- Connections that do not work, with the error that the application wrote down. Of a token only a mark is read.
SELECT
    c.{connections.id}::text AS key,
    left(c.{connections.provider}::text, 40) AS provider,
    c.{connections.status}::text AS status,
    left(c.{connections.error}::text, 2000) AS error,
    [[(SELECT left(o.{onboarding.email}::text, 320) FROM {onboarding} AS o
       WHERE o.{onboarding.id} = c.{connections.user} LIMIT 1) AS email,]]
    [[left(encode(sha256(convert_to(c.{connections.refresh_token}::text, 'UTF8')), 'hex'), 16) AS mark,]]
    c.{connections.updated_at} AS since,
    extract(epoch FROM now() - c.{connections.updated_at})::float8 AS waits_s,
    count(*) OVER () AS total
FROM {connections} AS c
WHERE c.{connections.updated_at} >= %(since)s AND c.{connections.updated_at} <= %(until)s
  AND c.{connections.status} IN {connections.statuses.broken}
ORDER BY c.{connections.updated_at}, c.{connections.id}
LIMIT %(most)s
