-- End whoever is in that database: nobody can be in one that gets another name.
SELECT count(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity WHERE datname = %(name)s AND pid <> pg_backend_pid()
