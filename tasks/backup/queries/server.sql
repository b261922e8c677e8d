-- What the server and this database are.
SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS says,
    now() AS at, pg_database_size(current_database()) AS bytes, pg_is_in_recovery() AS standby,
    (SELECT coalesce(json_agg(json_build_array(extname, extversion) ORDER BY extname), '[]') FROM pg_extension) AS extensions,
    (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_roles WHERE rolname !~ '^pg_') AS roles
