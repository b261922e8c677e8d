-- The first rows of a table, whole.
SELECT t.{first_key}::text AS key, to_jsonb(t)::text AS row FROM {relation} AS t ORDER BY t.{first_key} LIMIT %(rows)s
