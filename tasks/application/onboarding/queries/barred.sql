-- Users on their way whose account is not active, or who lack a permission that everybody needs.
SELECT
    o.{onboarding.id}::text AS key,
    left(o.{onboarding.step}::text, 100) AS step,
    [[left(o.{onboarding.email}::text, 320) AS email,]]
    [[(o.{onboarding.account} IN {onboarding.accounts.active}) IS NOT TRUE AS inactive,]]
    [[ARRAY(SELECT n FROM unnest(%(needs)s::text[]) AS n
            WHERE position(n IN coalesce(o.{onboarding.permissions}::text, '')) = 0) AS lacks,]]
    count(*) OVER () AS total
FROM {onboarding} AS o
WHERE o.{onboarding.updated_at} >= %(since)s AND (o.{onboarding.status} IN {onboarding.statuses.done}) IS NOT TRUE
  AND (
      false
      [[OR (o.{onboarding.account} IN {onboarding.accounts.active}) IS NOT TRUE]]
      [[OR EXISTS (SELECT FROM unnest(%(needs)s::text[]) AS n
                   WHERE position(n IN coalesce(o.{onboarding.permissions}::text, '')) = 0)]]
  )
ORDER BY o.{onboarding.updated_at}, o.{onboarding.id}
LIMIT 100
