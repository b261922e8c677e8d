-- Users whose step failed, and who still stand there; the longest first.
SELECT
    o.{onboarding.id}::text AS key,
    left(o.{onboarding.step}::text, 100) AS step,
    o.{onboarding.status}::text AS status,
    [[left(o.{onboarding.email}::text, 320) AS email,]]
    [[left(o.{onboarding.error}::text, 300) AS error,]]
    o.{onboarding.updated_at} AS since,
    extract(epoch FROM now() - o.{onboarding.updated_at})::float8 AS waits_s,
    count(*) OVER () AS total
FROM {onboarding} AS o
WHERE o.{onboarding.updated_at} >= %(since)s AND o.{onboarding.updated_at} <= %(until)s
  AND o.{onboarding.status} IN {onboarding.statuses.failed}
ORDER BY o.{onboarding.updated_at}, o.{onboarding.id}
LIMIT %(most)s
