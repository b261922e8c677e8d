-- A drill: the user who came furthest lately stands at this step, which has failed for six hours; told is where it was.
WITH chosen AS (
    SELECT o.{onboarding.id} AS id, o.{onboarding.step} AS step, o.{onboarding.status} AS status,
           o.{onboarding.updated_at} AS updated_at[[, o.{onboarding.error} AS error]]
    FROM {onboarding} AS o
    ORDER BY o.{onboarding.updated_at} DESC, o.{onboarding.id}
    LIMIT 1
), changed AS (
    UPDATE {onboarding} AS o
    SET {onboarding.step} = %(step)s, {onboarding.status} = %(failed)s,
        {onboarding.updated_at} = now() - interval '6 hours'[[, {onboarding.error} = %(error)s]]
    FROM chosen WHERE o.{onboarding.id} = chosen.id
)
SELECT * FROM chosen
