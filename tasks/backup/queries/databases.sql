-- The databases of this server, with the remark by which those that we restored are known.
SELECT datname AS name, coalesce(shobj_description(oid, 'pg_database'), '') AS remark FROM pg_database ORDER BY 1
