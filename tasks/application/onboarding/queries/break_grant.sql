-- A drill: the newest connections do not work any more; told is what they were, tokens included, to put them back.
WITH chosen AS (
    SELECT c.{connections.id} AS id, c.{connections.status} AS status, c.{connections.error} AS error,
           c.{connections.updated_at} AS updated_at, c.{connections.refresh_token} AS refresh_token
           [[, c.{connections.access_token} AS access_token]]
    FROM {connections} AS c
    WHERE c.{connections.refresh_token} IS NOT NULL
    ORDER BY c.{connections.updated_at} DESC, c.{connections.id}
    LIMIT %(connections)s
), changed AS (
    UPDATE {connections} AS c
    SET {connections.status} = %(broken)s, {connections.error} = %(error)s,
        {connections.updated_at} = now() - interval '6 hours'
    FROM chosen WHERE c.{connections.id} = chosen.id
)
SELECT * FROM chosen
