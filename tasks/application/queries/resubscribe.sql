UPDATE {events} AS e
SET {events.type} = was.{events.type}
FROM jsonb_populate_recordset(NULL::{events}, %(rows)s::jsonb) AS was
WHERE e.{events.id} = was.{events.id}
