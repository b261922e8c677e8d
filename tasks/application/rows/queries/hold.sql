-- The events that stay are held, so that nobody takes them away meanwhile.
SELECT e.{events.id}::text AS key
FROM jsonb_populate_recordset(NULL::{events}, %(rows)s::jsonb) AS w
JOIN {events} AS e ON e.{events.id} = w.{events.id}
FOR UPDATE OF e
