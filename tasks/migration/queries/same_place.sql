-- What no two databases share: the cluster's own number, which a copy of its files has as well, where it listens, its start.
SELECT
    (SELECT system_identifier::text FROM pg_control_system()) AS cluster,
    pg_postmaster_start_time() AS started,
    (SELECT d.oid::text FROM pg_database d WHERE d.datname = current_database()) AS database,
    current_database() AS name
