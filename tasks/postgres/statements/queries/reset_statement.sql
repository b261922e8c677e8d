-- Forget what was counted for our own statements that begin with %(begins)s, if we may.
SELECT CASE WHEN may.reset THEN {schema}.pg_stat_statements_reset(0, s.dbid, s.queryid) IS NOT NULL END AS done,
    CASE WHEN may.reset THEN 'reset' ELSE 'kept, we have no right' END AS fate
FROM {schema}.pg_stat_statements s,
    (SELECT has_function_privilege(p.oid, 'EXECUTE') AS reset FROM pg_proc p
      JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_stat_statements'
      WHERE p.proname = 'pg_stat_statements_reset') AS may
WHERE s.query LIKE %(begins)s
    AND s.userid = (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)
    AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
