-- The errors that users met since then, by step; the same words once.
SELECT
    left(o.{onboarding.step}::text, 100) AS step,
    left(o.{onboarding.error}::text, 300) AS error,
    count(*) AS users
FROM {onboarding} AS o
WHERE o.{onboarding.updated_at} >= %(since)s AND o.{onboarding.error} IS NOT NULL
  AND (o.{onboarding.status} IN {onboarding.statuses.done}) IS NOT TRUE
GROUP BY 1, 2
ORDER BY users DESC, 1, 2
LIMIT 500
