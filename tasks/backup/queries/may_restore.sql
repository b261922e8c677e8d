-- May this role make a database, and the roles that own what is in it?
SELECT current_setting('server_version_num')::int AS version, rolsuper AS everything, rolname AS "user"
FROM pg_roles WHERE rolname = current_user
