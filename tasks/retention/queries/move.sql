-- The same, and each row is written to the archive in the same statement.
WITH gone AS (
    DELETE FROM {ident} p
    WHERE {old} AND ({key_list}) IN (
        SELECT {key_list} FROM {ident} p
        WHERE {old} AND ({key_list}) >= ({from_keys}) AND ({key_list}) <= ({to_keys})
        ORDER BY {key_list} FOR UPDATE SKIP LOCKED
    )
    RETURNING {columns}
), kept AS (
    INSERT INTO {archive} ({bare_columns}) SELECT {bare_columns} FROM gone RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM kept) AS kept
