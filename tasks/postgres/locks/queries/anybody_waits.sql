-- One row if any session waits for a lock, otherwise none.
SELECT true AS waits FROM pg_locks WHERE NOT granted LIMIT 1
