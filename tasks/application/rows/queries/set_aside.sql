-- Events that are as they were seen, and there once more, are moved aside in one statement.
WITH gone AS (
    DELETE FROM {events} AS e
    USING jsonb_array_elements(%(rows)s::jsonb) AS r (one)
    CROSS JOIN LATERAL jsonb_populate_record(NULL::{events}, r.one -> 'event') AS w
    CROSS JOIN LATERAL jsonb_populate_record(NULL::{events}, r.one -> 'keeps') AS k
    WHERE e.{events.id} = w.{events.id} AND e.{events.id} <> k.{events.id}
      AND e.{events.send} = w.{events.send} AND e.{events.type} = w.{events.type} AND e.{events.at} = w.{events.at}
      -- Whatever was planned: no unsubscribe and no complaint goes.
      AND (e.{events.type} IN {events.types.unsubscribe}) IS NOT TRUE
      AND (e.{events.type} IN {events.types.complaint}) IS NOT TRUE
      AND EXISTS (
          SELECT FROM {events} AS s
          WHERE s.{events.id} = k.{events.id} AND s.{events.send} = e.{events.send}
            AND s.{events.type} = e.{events.type} AND s.{events.at} = e.{events.at}
            [[AND s.{events.detail}::text IS NOT DISTINCT FROM e.{events.detail}::text]]
      )
    RETURNING e.*
), kept AS (
    INSERT INTO {aside} ({all}) SELECT {all} FROM gone RETURNING 1
)
SELECT {events.id}::text AS key, (SELECT count(*) FROM kept) AS kept FROM gone
