-- Estimates: a part of ten million points is not read for a plan.
SELECT c.relname::text AS part, greatest(c.reltuples, 0)::bigint AS points, pg_total_relation_size(c.oid) AS bytes
  FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'incident.measurements'::regclass
 ORDER BY c.relname
