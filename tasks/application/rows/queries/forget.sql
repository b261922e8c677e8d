-- What is left of a drill's events.
DELETE FROM {events} AS e
USING jsonb_populate_recordset(NULL::{events}, %(rows)s::jsonb) AS w
WHERE e.{events.id} = w.{events.id}
