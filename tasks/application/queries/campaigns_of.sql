-- What these campaigns hold now, of those that run.
SELECT
    c.{campaigns.id}::text AS key,
    [[left(c.{campaigns.name}::text, 100) AS name,]]
    c.{campaigns.status}::text AS status
FROM jsonb_populate_recordset(NULL::{campaigns}, %(campaigns)s::jsonb) AS w
JOIN {campaigns} AS c ON c.{campaigns.id} = w.{campaigns.id}
WHERE c.{campaigns.status} IN {campaigns.statuses.running}
ORDER BY c.{campaigns.id}
