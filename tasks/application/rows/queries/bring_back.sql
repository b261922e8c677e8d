-- Events that were moved aside, back into their table.
WITH gone AS (
    DELETE FROM {aside} AS e
    USING jsonb_populate_recordset(NULL::{events}, %(rows)s::jsonb) AS w
    WHERE e.{events.id} = w.{events.id}
    RETURNING e.*
), back AS (
    INSERT INTO {events} ({given}) OVERRIDING SYSTEM VALUE SELECT {given} FROM gone RETURNING 1
)
SELECT {events.id}::text AS key, (SELECT count(*) FROM back) AS back FROM gone
