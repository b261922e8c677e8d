-- Sessions of the migration tool that the server still knows.
SELECT a.pid, a.state, a.wait_event_type
FROM pg_stat_activity a
WHERE a.application_name = %(application)s AND a.datname = current_database()
ORDER BY a.pid
