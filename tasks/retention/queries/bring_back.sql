-- One batch from the archive into its table again.
WITH gone AS (
    DELETE FROM {archive} p WHERE ({key_list}) >= ({from_keys}) AND ({key_list}) <= ({to_keys}) RETURNING {columns}
), back AS (
    INSERT INTO {ident} ({own_columns}) OVERRIDING SYSTEM VALUE SELECT {own_columns} FROM gone RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM back) AS back
