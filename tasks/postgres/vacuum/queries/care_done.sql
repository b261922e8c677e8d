-- When this table was last analysed and vacuumed by hand.
SELECT s.last_analyze, s.last_vacuum
FROM pg_stat_user_tables s
WHERE s.schemaname = %(schema)s AND s.relname = %(table)s
