-- Those of these roles that are there.
SELECT rolname AS role FROM pg_roles WHERE rolname = ANY(%(wanted)s)
