-- Which of these events are in this table.
SELECT e.{events.id}::text AS key
FROM jsonb_populate_recordset(NULL::{events}, %(rows)s::jsonb) AS w
JOIN {from} AS e ON e.{events.id} = w.{events.id}
