-- Where the users are who moved since then, by step; of those on their way, how many have not moved for a while.
SELECT
    left(o.{onboarding.step}::text, 100) AS step,
    count(*) AS users,
    coalesce(bool_or(o.{onboarding.status} IN {onboarding.statuses.done}), false) AS done,
    count(*) FILTER (WHERE o.{onboarding.status} IN {onboarding.statuses.done}) AS through,
    count(*) FILTER (
        WHERE o.{onboarding.status} IN {onboarding.statuses.going} AND o.{onboarding.updated_at} < %(quiet)s
    ) AS standing
FROM {onboarding} AS o
WHERE o.{onboarding.updated_at} >= %(since)s
GROUP BY 1
ORDER BY 1
LIMIT 200
