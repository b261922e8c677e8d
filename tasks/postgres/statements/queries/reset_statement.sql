-- Forget what was counted for our own statements that begin with %(begins)s.
SELECT {schema}.pg_stat_statements_reset(0::oid, s.dbid, s.queryid) IS NOT NULL AS done
FROM {schema}.pg_stat_statements s
WHERE s.query LIKE %(begins)s
    AND s.userid = (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)
    AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
