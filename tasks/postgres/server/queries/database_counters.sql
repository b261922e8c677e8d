-- What this database read, and spilled to temporary files, since the count began.
WITH {counting}
SELECT
    d.datname AS database,
    c.count AS counting,
    d.blks_hit::float8 AS hit,
    d.blks_read::float8 AS read,
    d.temp_files::float8 AS temp_files,
    d.temp_bytes::float8 AS temp_bytes,
    current_setting('block_size')::float8 AS block_bytes,
    current_setting('shared_buffers') AS shared_buffers,
    current_setting('work_mem') AS work_mem,
    -- A dump reads everything there is, once.
    EXISTS (
        SELECT FROM pg_stat_activity a
        WHERE a.datid = d.datid AND a.application_name IN ('pg_dump', 'pg_dumpall', 'pg_restore')
    ) AS dumping,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM pg_stat_database d
JOIN counting c ON c.datid = d.datid
