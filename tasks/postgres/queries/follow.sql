-- The rows that point over one foreign key at the given rows of one table; filled in is what followers.sql says.
SELECT p.ctid::text AS pointed_at, c.tableoid::bigint AS "table", c.ctid::text AS place
FROM {parent_rows} p
JOIN {child_rows} c ON {same}
WHERE p.tableoid = %(table)s::oid AND p.ctid = ANY (%(places)s::tid[])
LIMIT %(most)s
