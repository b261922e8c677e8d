-- Cancel exactly this query, or end exactly this session, or only say whether we could; otherwise say why not.
-- One statement, and CASE evaluates in order: whatever does not match to the microsecond is never signalled.
SELECT CASE
    WHEN a.pid IS NULL THEN 'already gone'
    -- Without pg_monitor the start is hidden, and we could not tell this session from its successor.
    WHEN a.backend_start IS NULL THEN 'no right'
    WHEN a.backend_start <> %(backend_start)s::timestamptz THEN 'another session'
    WHEN a.backend_type <> 'client backend' OR concat(a.usename, '/', a.application_name) = ANY (%(ours)s) THEN 'not touched'
    -- Approved was the end of an idle session: a pool may have handed it to a request meanwhile.
    WHEN a.state <> %(state)s THEN 'in use again'
    WHEN %(verb)s = 'cancel' AND (a.state <> 'active' OR a.query_start <> %(query_start)s::timestamptz)
        THEN 'already over'
    WHEN coalesce(target.rolsuper, true) AND NOT me.rolsuper THEN 'no right'
    WHEN NOT (pg_has_role('pg_signal_backend', 'USAGE') OR pg_has_role(a.usesysid, 'USAGE')) THEN 'no right'
    WHEN %(verb)s = 'look' THEN 'within reach'
    WHEN CASE %(verb)s WHEN 'cancel' THEN pg_cancel_backend(a.pid) WHEN 'terminate' THEN pg_terminate_backend(a.pid) END
        THEN 'signalled'
    ELSE 'already gone'
END AS fate
FROM (VALUES (%(pid)s::int)) AS t (pid)
JOIN pg_roles me ON me.rolname = current_user
LEFT JOIN pg_stat_activity a ON a.pid = t.pid
LEFT JOIN pg_roles target ON target.oid = a.usesysid
