-- Roles that a trial restore of ours made on this server, by the remark they were made with, and whether its database is
-- still there.
SELECT r.rolname AS role, EXISTS (SELECT FROM pg_database d WHERE starts_with(s.description, %(remark)s || d.datname)) AS used
FROM pg_roles r
JOIN pg_shdescription s ON s.classoid = 'pg_authid'::regclass AND s.objoid = r.oid
WHERE starts_with(s.description, %(remark)s)
