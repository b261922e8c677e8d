-- Has this role a lock timeout of its own? What holds now is ours.
SELECT s.reset_val::int > 0 AS limited FROM pg_settings s WHERE s.name = 'lock_timeout'
