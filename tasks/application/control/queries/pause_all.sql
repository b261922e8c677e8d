-- Every campaign that runs is paused; told is what they were.
WITH chosen AS (
    SELECT c.{campaigns.id} AS id, c.{campaigns.status} AS status
    FROM {campaigns} AS c
    WHERE c.{campaigns.status} IN {campaigns.statuses.running}
), changed AS (
    UPDATE {campaigns} AS c SET {campaigns.status} = %(paused)s FROM chosen WHERE c.{campaigns.id} = chosen.id
)
SELECT id::text, status::text FROM chosen
