-- The databases of this server, with the remark by which those that we restored are known, and whether all but superusers
-- are kept out of them.
SELECT datname AS name, coalesce(shobj_description(oid, 'pg_database'), '') AS remark, datconnlimit = 0 AS closed
FROM pg_database ORDER BY 1
